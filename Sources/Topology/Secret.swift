import Bytes
import Foundation

/// A value that is never printed: a password, or an address that may hold one.
public struct Secret: Hashable, Sendable, CustomStringConvertible, CustomDebugStringConvertible {
    private enum Origin: Hashable, Sendable {
        case text(String)
        case file(String)
    }

    private let origin: Origin

    public init(_ text: String) { origin = .text(text) }
    /// The content of a file, read when it is needed.
    init(file path: String) { origin = .file(path) }

    public var description: String { "***" }
    public var debugDescription: String { "***" }

    /// The value itself. A file's line end at the very end is not part of it.
    public func reveal() throws(WeirError) -> String {
        switch origin {
        case .text(let text): return text
        case .file(let path):
            guard let data = FileManager.default.contents(atPath: path),
                var text = String(validating: data, as: UTF8.self)
            else {
                throw WeirError(
                    .notFound,
                    "the secret cannot be read",
                    at: path,
                    advice: "the file of ${file:…} must exist and hold text"
                )
            }
            if text.hasSuffix("\n") { text.removeLast() }
            return text
        }
    }
}

extension Secret: CustomReflectable {
    /// `dump` and string interpolation of a containing value see no more than `description`.
    public var customMirror: Mirror { Mirror(self, children: []) }
}

import Bytes
import Foundation

/// A value that is never printed: a password, or an address that may contain one.
public struct Secret: Hashable, Sendable, CustomStringConvertible, CustomDebugStringConvertible {
    private enum Origin: Hashable, Sendable {
        case text(String)
        case variable(name: String, value: String)
        case file(String)
    }

    private let origin: Origin

    public init(_ text: String) { origin = .text(text) }
    /// The value of an environment variable.
    init(variable name: String, value: String) { origin = .variable(name: name, value: value) }
    /// The content of a file, read on use.
    init(file path: String) { origin = .file(path) }

    /// A reference that is safe to store readable: `${env:NAME}` or `${file:PATH}`; nil for a literal text.
    var reference: String? {
        switch origin {
        case .text: nil
        case .variable(let name, _): "${env:\(name)}"
        case .file(let path): "${file:\(path)}"
        }
    }

    /// Resolves a reference; nil if the text is not one. Fails with `notFound` if the environment variable is not set.
    public static func referenced(
        by text: String,
        environment: [String: String] = ProcessInfo.processInfo.environment
    ) throws(WeirError) -> Secret? {
        guard text.hasPrefix("${"), text.hasSuffix("}") else { return nil }
        let name = text.dropFirst(2).dropLast()
        if name.hasPrefix("file:") { return Secret(file: String(name.dropFirst(5))) }
        guard name.hasPrefix("env:") else { return nil }
        let variable = String(name.dropFirst(4))
        guard let value = environment[variable] else {
            throw WeirError(
                .notFound,
                "the environment variable \(variable) is not set",
                advice: "set it to the secret that \(text) stands for"
            )
        }
        return Secret(variable: variable, value: value)
    }

    /// The value; nil if it has to be read from a file.
    var text: String? {
        switch origin {
        case .text(let text), .variable(_, let text): text
        case .file: nil
        }
    }

    public var description: String { "***" }
    public var debugDescription: String { "***" }

    /// The value. One trailing newline of a file is removed.
    public func reveal() throws(WeirError) -> String {
        switch origin {
        case .text(let text), .variable(_, let text): return text
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
    /// Hides the value from `dump` and from string interpolation of a containing value.
    public var customMirror: Mirror { Mirror(self, children: []) }
}

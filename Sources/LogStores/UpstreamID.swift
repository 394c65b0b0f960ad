import Bytes

/// The id of a job that writes to a log store: four ASCII characters, shared by all writers of the job and unique among
/// jobs.
public struct UpstreamID: Hashable, Sendable, CustomStringConvertible {
    /// The four bytes, the first as the most significant.
    let code: UInt32

    init(code: UInt32) { self.code = code }

    /// Fails with `invalid` unless the text is four printable ASCII characters.
    public init(_ text: String) throws(WeirError) {
        guard let id = UpstreamID(exactly: text) else {
            throw WeirError(
                .invalid,
                "'\(text)' is no upstream id",
                advice: "an upstream id is four ASCII characters, such as 3f9a"
            )
        }
        self = id
    }

    private init?(exactly text: String) {
        guard text.utf8.count == 4, text.utf8.allSatisfy({ 0x21...0x7e ~= $0 }) else { return nil }
        code = text.utf8.reduce(0) { $0 << 8 | UInt32($1) }
    }

    private static let digits = Array("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_".utf8)
    private static let singleUseMark = UInt32(UInt8(ascii: "w"))

    /// A random id for a writer of one run. It begins with `w`. Amoro's ids never do: they are hexadecimal digits.
    public static func random() -> UpstreamID {
        let rest = (0..<3).reduce(singleUseMark) { code, _ in code << 8 | UInt32(digits[Int.random(in: 0..<64)]) }
        return UpstreamID(code: rest)
    }

    /// Whether the writer never writes again under this id after its first flip. Amoro's writers keep their id.
    public var isSingleUse: Bool { code >> 24 == Self.singleUseMark }

    public var description: String {
        let bytes = [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: code >> UInt32($0)) }
        return String(decoding: bytes, as: UTF8.self)
    }
}

extension UpstreamID: Codable, CodingKeyRepresentable {
    private struct Key: CodingKey {
        let stringValue: String
        var intValue: Int? { nil }

        init(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }

    public init?(codingKey: some CodingKey) {
        self.init(exactly: codingKey.stringValue)
    }

    public var codingKey: any CodingKey { Key(stringValue: description) }

    public init(from decoder: any Decoder) throws {
        try self.init(decoder.singleValueContainer().decode(String.self))
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}

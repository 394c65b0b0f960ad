import Bytes
import ChangeEvents

/// The 18-byte header of every log store record (mixed format, section 8.1).
///
/// ```
///  0  3  magic "net"
///  3  1  version: 1 a row in JSON, 2 a batch of rows in columns
///  4  4  upstream id
///  8  8  epoch, big-endian
/// 16  1  1 for a flip, otherwise 0
/// 17  1  action: what the row's change is; 0 in flips and batches
/// ```
/// Unknown versions are refused, so readers of version 1 refuse batches rather than misread them.
public struct LogStoreHeader: Hashable, Sendable {
    /// The encoding of the payload after the header.
    public enum Version: UInt8, Sendable {
        case json = 1
        case columnar = 2
    }

    public static let byteCount = 18
    private static let magic: [UInt8] = [0x6e, 0x65, 0x74]

    public var version: Version
    public var upstream: UpstreamID
    public var epoch: Int64
    /// Whether the record is a flip that retracts rows of later epochs, instead of a row or batch.
    public var isFlip: Bool
    public var action: ChangeKind

    public init(
        version: Version = .json,
        upstream: UpstreamID,
        epoch: Int64,
        isFlip: Bool = false,
        action: ChangeKind = .insert
    ) {
        self.version = version
        self.upstream = upstream
        self.epoch = epoch
        self.isFlip = isFlip
        self.action = action
    }

    /// Decodes the header of a record's value. Fails with `corrupt` when the value is too short, is not a log store
    /// record, or has an unknown flag or action, and with `unsupported` for another version.
    public init(decoding value: UnsafeRawBufferPointer) throws(WeirError) {
        guard value.count >= Self.byteCount else {
            throw WeirError(
                .corrupt,
                "the record has \(value.count) bytes, and a log store's header alone has \(Self.byteCount)",
                advice: "is the topic a log store's?"
            )
        }
        guard value[0] == Self.magic[0], value[1] == Self.magic[1], value[2] == Self.magic[2] else {
            throw WeirError(
                .corrupt,
                "the record does not begin with 'net' but with 0x\(Hex.encode(value[0..<3]))",
                advice: "is the topic a log store's?"
            )
        }
        guard let version = Version(rawValue: value[3]) else {
            throw WeirError(
                .unsupported,
                "the log store record is of version \(value[3])",
                advice: "versions 1 and 2 are read"
            )
        }
        let advice = "the record is damaged, or something else writes to the topic"
        guard value[16] <= 1 else {
            throw WeirError(.corrupt, "the log store record has \(value[16]) where 0 or 1 belongs", advice: advice)
        }
        guard let action = ChangeKind(rawValue: value[17]) else {
            throw WeirError(.corrupt, "the log store record has the unknown change kind \(value[17])", advice: advice)
        }
        self.version = version
        upstream = UpstreamID(code: UInt32(bigEndian: value.loadUnaligned(fromByteOffset: 4, as: UInt32.self)))
        epoch = Int64(bigEndian: value.loadUnaligned(fromByteOffset: 8, as: Int64.self))
        isFlip = value[16] == 1
        self.action = action
    }

    /// The 18 bytes.
    public var bytes: [UInt8] {
        var buffer = GrowableBuffer()
        append(to: &buffer)
        return Array(UnsafeRawBufferPointer(start: buffer.base, count: buffer.count))
    }

    @inline(__always)
    func append(to buffer: inout GrowableBuffer) {
        buffer.reserve(Self.byteCount)
        let out = buffer.base + buffer.count
        for index in 0..<3 { out.storeBytes(of: Self.magic[index], toByteOffset: index, as: UInt8.self) }
        out.storeBytes(of: version.rawValue, toByteOffset: 3, as: UInt8.self)
        out.storeBytes(of: upstream.code.bigEndian, toByteOffset: 4, as: UInt32.self)
        out.storeBytes(of: epoch.bigEndian, toByteOffset: 8, as: Int64.self)
        out.storeBytes(of: isFlip ? 1 : 0, toByteOffset: 16, as: UInt8.self)
        out.storeBytes(of: action.rawValue, toByteOffset: 17, as: UInt8.self)
        buffer.advance(by: Self.byteCount)
    }
}

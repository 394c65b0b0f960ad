import Bytes
import Columnar
import Values

/// Debezium's envelope of one change, without the schema block:
/// `{"before":null,"after":{"id":1},"op":"c","source":{"db":"shop","table":"orders"},"ts_ms":1730000000000}`.
///
/// One instance serves all changes of a batch that have the same source and time.
public struct DebeziumEnvelope: Sendable {
    public enum Operation: UInt8, Sendable {
        case create = 0x63
        /// A row that already existed when reading began.
        case read = 0x72
        case update = 0x75
        case delete = 0x64
    }

    /// One of the two rows of a change.
    public enum Image {
        case none
        /// A row of the batch, by its index.
        case row(Int)
        /// Already encoded JSON.
        case json(UnsafeRawBufferPointer)
    }

    /// Everything after the letter of `op`.
    private let end: [UInt8]

    public init(source: DebeziumSource, nowMilliseconds: Int64) {
        end = Array("\",\"source\":\(source.json),\"ts_ms\":\(nowMilliseconds)}".utf8)
    }

    public func append(
        _ operation: Operation,
        before: Image,
        after: Image,
        of rows: JSONRows,
        to target: inout GrowableBuffer
    ) {
        target.appendText("{\"before\":")
        Self.append(before, of: rows, to: &target)
        target.appendText(",\"after\":")
        Self.append(after, of: rows, to: &target)
        target.appendText(",\"op\":\"")
        target.append(operation.rawValue)
        end.withUnsafeBytes { target.append($0) }
    }

    @inline(__always)
    private static func append(_ image: Image, of rows: JSONRows, to target: inout GrowableBuffer) {
        switch image {
        case .none: target.appendText("null")
        case .row(let row): rows.append(row, to: &target)
        case .json(let text): target.append(text)
        }
    }
}

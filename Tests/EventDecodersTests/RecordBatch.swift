import Bytes
import ChangeEvents
import Columnar
import EventLog

@testable import EventDecoders

/// The key and value of a record as bytes.
struct Event {
    var key: [UInt8]?
    var value: [UInt8]?

    init(_ value: String?, key: String? = nil) {
        self.key = key.map { Array($0.utf8) }
        self.value = value.map { Array($0.utf8) }
    }

    init(bytes value: [UInt8]?, key: [UInt8]? = nil) {
        self.key = key
        self.value = value
    }
}

extension RawBatch {
    /// Records with offsets 100, 101 … in an arena that ends `padding` bytes after the last record.
    init(_ events: [Event], topic: String = "shop.public.orders", padding: Int = RawBatch.padding) {
        var arena: [UInt8] = []
        var records: [Record] = []
        for (index, event) in events.enumerated() {
            let keyStart = arena.count
            arena += event.key ?? []
            let valueStart = arena.count
            arena += event.value ?? []
            records.append(
                Record(
                    offset: Int64(100 + index),
                    timestamp: 1_700_000_000_000,
                    keyStart: Int32(keyStart),
                    keyCount: event.key.map { Int32($0.count) } ?? -1,
                    valueStart: Int32(valueStart),
                    valueCount: event.value.map { Int32($0.count) } ?? -1
                )
            )
        }
        // Bytes after a record in the arena must never be read as part of the record.
        arena += [UInt8](repeating: UInt8(ascii: "}"), count: padding)
        self.init(
            topic: topic,
            partition: 3,
            arena: Buffer(copying: arena),
            table: records.withUnsafeBytes { Buffer(copying: $0) }
        )
    }
}

extension Schema {
    /// Columns `name: type`; the first is required.
    init(_ columns: KeyValuePairs<String, FieldType>) {
        self.init(columns.enumerated().map { Field(id: $0.offset + 1, name: $0.element.key, type: $0.element.value) })
    }
}

extension ChangeBatch {
    /// Every change as `offset symbol [values]`, for comparison.
    var lines: [String] {
        (0..<count).map { row in
            "\(offset(row)) \(kind(row).symbol) \(rows.columns.map { $0.scalar(row).text }.joined(separator: "|"))"
        }
    }
}

extension Scalar {
    /// A short text, distinct for any two values of a type.
    var text: String {
        switch self {
        case .null: "-"
        case .boolean(let value): "\(value)"
        case .int(let value), .date(let value): "\(value)"
        case .long(let value), .time(let value), .timestamp(let value), .timestamptz(let value): "\(value)"
        case .float(let value): "\(value)"
        case .double(let value): "\(value)"
        case .decimal(let value, let scale): "\(value)e-\(scale)"
        case .string(let value): value
        case .uuid(let value): String(value, radix: 16)
        case .fixed(let bytes), .binary(let bytes): bytes.map { String($0, radix: 16) }.joined(separator: ".")
        }
    }
}

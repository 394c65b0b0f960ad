import Bytes
import Columnar
import IcebergFormat

/// Converts rows to JSON objects in one spelling: equal rows of any writer have equal texts.
public struct ComparableRows: Sendable {
    private let schema: Schema

    public init(_ schema: Schema) { self.schema = schema }

    /// The row's columns in schema order. Fractional numbers are written as Swift writes the column's type.
    public func text(_ row: JSONValue) -> String {
        guard let object = row.asObject else { return "not an object: \(row.text)" }
        var result = JSONObject()
        for field in schema.fields { result[field.name] = Self.spelled(object[field.name], field.type) }
        for entry in object.entries where schema.field(named: entry.key) == nil { result[entry.key] = entry.value }
        return JSONValue.object(result).text
    }

    /// Omits a column that the row lacks, so that it differs from a null.
    private static func spelled(_ value: JSONValue?, _ type: FieldType) -> JSONValue? {
        let text: String
        switch value {
        case .integer(let number): text = String(number)
        case .number(let number): text = number
        default: return value
        }
        switch type {
        case .float: return .number(Float(text).map { "\($0)" } ?? text)
        case .double: return .number(Double(text).map { "\($0)" } ?? text)
        default: return value
        }
    }

    /// The rows of JSON lines, sorted.
    public func sorted(lines: String) throws -> [String] {
        try lines.split(separator: "\n").map { try text(JSONValue.parse(String($0))) }.sorted()
    }

    /// The rows of a batch, in order.
    public func texts(_ batch: ColumnBatch) throws -> [String] {
        var target = GrowableBuffer()
        JSONRowEncoder(batch.schema).appendLines(batch, to: &target)
        let bytes = target.finish()
        let text = String(decoding: UnsafeRawBufferPointer(start: bytes.base, count: bytes.count), as: UTF8.self)
        return try text.split(separator: "\n").map { try self.text(JSONValue.parse(String($0))) }
    }

    /// The differences of two sorted lists, truncated for messages; empty when the lists are equal.
    public static func difference(_ ours: [String], _ theirs: [String], ofMax limit: Int = 4) -> String {
        let change = theirs.difference(from: ours)
        if change.isEmpty { return "" }
        var lines = ["\(ours.count) rows here, \(theirs.count) there"]
        for removal in change.removals.prefix(limit) {
            if case .remove(_, let row, _) = removal { lines.append("only here:  \(row)") }
        }
        for insertion in change.insertions.prefix(limit) {
            if case .insert(_, let row, _) = insertion { lines.append("only there: \(row)") }
        }
        return lines.joined(separator: "\n")
    }
}

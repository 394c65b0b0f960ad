import Bytes
import IcebergFormat

/// A small result: named columns and rows of values, printed in any of the formats.
struct Listing {
    let columns: [String]
    private(set) var rows: [[JSONValue]] = []

    init(_ columns: String...) { self.columns = columns }

    mutating func add(_ values: JSONValue...) {
        precondition(values.count == columns.count, "a row has one value per column")
        rows.append(values)
    }

    var objects: [JSONValue] {
        rows.map { row in
            var object = JSONObject()
            for (name, value) in zip(columns, row) { object[name] = value }
            return .object(object)
        }
    }

    func print(_ format: OutputFormat, to out: StandardOutput) throws(WeirError) {
        switch format {
        case .json: for object in objects { out.line(object.text) }
        case .csv:
            CSVText.appendLine(columns, to: &out.buffer)
            for row in rows {
                for (index, value) in row.enumerated() {
                    if index > 0 { out.append(",") }
                    if value != .null { CSVText.append(value.plainText, to: &out.buffer) }
                }
                CSVText.endLine(&out.buffer)
            }
        case .table:
            var layout = TableLayout(
                columns.enumerated().map { index, name in
                    let values = rows.map { $0[index] }.filter { $0 != .null }
                    return (name, !values.isEmpty && values.allSatisfy(\.isNumber))
                }
            )
            for row in rows { for value in row { layout.cell(value == .null ? "-" : value.plainText) } }
            layout.write(to: &out.buffer)
        }
        try out.flush()
    }
}

extension JSONValue {
    static func count(_ number: Int) -> JSONValue { .integer(Int64(number)) }
    static func optional(_ text: String?) -> JSONValue { text.map { .string($0) } ?? .null }
    static func optional(_ number: Int64?) -> JSONValue { number.map { .integer($0) } ?? .null }

    var isNumber: Bool {
        switch self {
        case .integer, .number: true
        default: false
        }
    }

    /// Strings without quotes, everything else as JSON.
    var plainText: String {
        switch self {
        case .string(let text): text
        case .array(let values) where values.allSatisfy({ $0.asString != nil }):
            values.compactMap(\.asString).joined(separator: ", ")
        default: text
        }
    }
}

/// The properties of one object: `name  value` lines as a table, one object as JSON, `property,value` lines as CSV.
struct Properties {
    private(set) var object = JSONObject()

    mutating func set(_ name: String, _ value: JSONValue) { object[name] = value }

    /// - Parameter hidden: members that table output leaves out because it shows them in another form.
    func print(_ format: OutputFormat, hiding hidden: Set<String> = [], to out: StandardOutput) throws(WeirError) {
        switch format {
        case .json: out.line(JSONValue.object(object).text)
        case .csv:
            CSVText.appendLine(["property", "value"], to: &out.buffer)
            for entry in object.entries { CSVText.appendLine([entry.key, entry.value.plainText], to: &out.buffer) }
        case .table:
            let entries = object.entries.filter { !hidden.contains($0.key) && $0.value != .null }
            let width = entries.map(\.key.count).max() ?? 0
            for entry in entries {
                let blanks = String(repeating: " ", count: width - entry.key.count + 2)
                out.line(entry.key + blanks + entry.value.plainText)
            }
        }
        try out.flush()
    }
}

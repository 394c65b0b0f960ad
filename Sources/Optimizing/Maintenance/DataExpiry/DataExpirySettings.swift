import Bytes
import Columnar
import Foundation
import IcebergFormat
import IcebergTables

/// What the properties `data-expire.*` of a table say (spec section 10.8).
public struct DataExpirySettings: Sendable {
    public enum Level: String, Sendable { case partition, file }
    public enum Rule: String, Sendable { case lastCommit = "LAST_COMMIT_TIME", now = "CURRENT_TIME" }

    /// The column that tells the age of rows.
    public let field: Field
    /// Rows older than this expire, milliseconds.
    public let retentionMs: Int64
    public let level: Level
    public let rule: Rule
    let pattern: DateTimePattern
    /// Milliseconds that one stands for in a column of numbers.
    let numberUnitMs: Int64

    /// Nil if rows of the table do not expire. Fails with `invalid` if they are to, and the properties do not say how.
    public init?(_ table: Table) throws(WeirError) {
        var reader = PropertyReader(table.properties)
        guard reader.flag("data-expire.enabled") ?? false else { return nil }
        func refuse(_ what: String, _ advice: String) -> WeirError {
            WeirError(.invalid, "rows of '\(table.identifier)' cannot expire: \(what)", advice: advice)
        }
        guard let name = reader.text("data-expire.field") else {
            throw refuse("data-expire.field is not set", "set it to the column that tells the age of a row")
        }
        guard let field = table.schema.field(named: name) else {
            throw refuse(
                "there is no column '\(name)'",
                NearestName.advice(for: name, among: table.schema.fields.map(\.name))
                    ?? "set data-expire.field to a column"
            )
        }
        guard [.timestamp, .timestamptz, .long, .string, .date].contains(field.type) else {
            throw refuse("column '\(name)' is of type \(field.type)", "name one of timestamp, date, long or string")
        }
        guard let retention = reader.duration("data-expire.retention-time") else {
            throw refuse("data-expire.retention-time is not set to a duration", "set it to the age, such as 30d")
        }
        let text = reader.text("data-expire.datetime-string-pattern") ?? "yyyy-MM-dd"
        guard let pattern = DateTimePattern(text), pattern.sortsByTime || field.type != .string else {
            throw refuse(
                "texts of the form '\(text)' do not sort by time, or it has letters that are not known",
                "write it from the year on, such as yyyy-MM-dd"
            )
        }
        self.field = field
        self.pattern = pattern
        retentionMs = retention
        level = reader.value("data-expire.level") { Level(rawValue: $0.lowercased()) } ?? .partition
        rule = reader.value("data-expire.base-on-rule") { Rule(rawValue: $0.uppercased()) } ?? .lastCommit
        let unit = reader.value("data-expire.datetime-number-format") { text in
            ["TIMESTAMP_MS": Int64(1), "TIMESTAMP_S": 1000][text.uppercased()]
        }
        numberUnitMs = unit ?? 1
        if let refused = reader.refused.first {
            throw refuse("property '\(refused)' has no value of its kind", "docs/table-properties.md lists its values")
        }
    }
}

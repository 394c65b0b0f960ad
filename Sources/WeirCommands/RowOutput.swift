import Bytes
import ChangeEvents
import Columnar

/// Prints the rows of a table. Used by one thread at a time.
protocol RowOutput: AnyObject {
    func write(_ batch: ColumnBatch, rows: Range<Int>) throws(WeirError)
    /// Writes everything left to standard output.
    func finish() throws(WeirError)
}

/// Prints changes. Used by one thread at a time.
protocol ChangeOutput: AnyObject {
    /// - Parameters:
    ///   - sequence: the change-store sequence all of the rows have; nil for rows read from the LogStore, ahead of
    ///     their commit.
    ///   - isSnapshot: the rows are a table's state, not changes.
    func write(
        _ batch: ColumnBatch,
        rows: Range<Int>,
        sequence: Int64?,
        isSnapshot: Bool,
        kind: (Int) -> ChangeKind
    ) throws(WeirError)
    /// Writes all complete events to standard output.
    func flush() throws(WeirError)
    func finish() throws(WeirError)
}

extension OutputFormat {
    func rowOutput(_ schema: Schema, to out: StandardOutput) -> any RowOutput {
        switch self {
        case .table: TableRowOutput(schema, to: out)
        case .json: JSONRowOutput(schema, to: out)
        case .csv: CSVRowOutput(schema, to: out)
        }
    }
}

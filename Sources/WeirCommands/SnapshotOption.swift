import ArgumentParser
import Bytes
import MixedTables

/// Selects the state of a table that a command reads.
struct SnapshotOption: ParsableArguments {
    @Option(help: "The state that a snapshot, branch or tag shows; 'weir table snapshots' lists them.")
    var snapshot: String?

    /// Returns the read point and the table with its columns at that point.
    func state(of table: MixedTable) throws(WeirError) -> (table: MixedTable, point: ReadPoint) {
        guard let snapshot else { return (table, ReadPoint(current: table)) }
        return try table.state(named: snapshot)
    }
}

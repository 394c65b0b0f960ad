import ArgumentParser
import Bytes
import MixedTables

/// Which state of a table a command is about.
struct SnapshotOption: ParsableArguments {
    @Option(help: "The state that a snapshot, branch or tag shows; 'weir table snapshots' lists them.")
    var snapshot: String?

    /// The table with the columns it had, and the point to read it at.
    func state(of table: MixedTable) throws(WeirError) -> (table: MixedTable, point: ReadPoint) {
        guard let snapshot else { return (table, ReadPoint(current: table)) }
        return try table.state(named: snapshot)
    }
}

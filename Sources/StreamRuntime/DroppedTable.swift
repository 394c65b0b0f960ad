import Bytes
import IcebergTables
import MixedTables

/// Detects that a table was dropped while a run uses it.
///
/// The run itself fails with a less helpful error: a missing file, a lost claim, or unexpected positions.
enum DroppedTable {
    /// Nil when the catalog has the same table, by UUID, or cannot be reached.
    static func error(_ table: MixedTable, topology: String) -> WeirError? {
        for store in [table.base] + (table.change.map { [$0] } ?? []) {
            let now: Table?
            do throws(WeirError) {
                now = try store.catalog.exists(store.identifier) ? store.refreshed() : nil
            } catch {
                continue
            }
            guard let now else {
                return WeirError(
                    .notFound,
                    "table \(table.identifier) was dropped while topology '\(topology)' works with it",
                    advice:
                        "start the topology again: it makes the table anew and fills it from where its sources start"
                )
            }
            if now.metadata.tableUUID != store.metadata.tableUUID { return replaced(table, topology: topology) }
        }
        return nil
    }

    static func replaced(_ table: MixedTable, topology: String) -> WeirError {
        WeirError(
            .conflict,
            "table \(table.identifier) was dropped and made anew while topology '\(topology)' works with it",
            advice: "start the topology again: it goes on with the new table"
        )
    }
}

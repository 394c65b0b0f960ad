import IcebergFormat
import MixedTables

/// What a run says about other engines at work on the base stores of its tables, each thing once.
struct BaseNeighbourNotices {
    private var tables: [String: Table] = [:]

    private struct Table {
        var isOptimizedElsewhere = false
        var awaited: OpenTransaction?
        var returnedRows = 0
    }

    /// What is new after a step of one table.
    mutating func next(_ name: String, _ step: Materializer.Step, returnedRows: Int) -> [String] {
        var known = tables[name] ?? Table()
        defer { tables[name] = known }
        var texts: [String] = []
        switch step {
        case .foreignOptimizer:
            if !known.isOptimizedElsewhere {
                texts.append(
                    "Amoro optimizes \(name), so changes are not moved into its base store: both at once would bring "
                        + "deleted rows back. Set self-optimizing.enabled=false on the table and Weir keeps base up to "
                        + "date, or materialize: off in the topology and Amoro does"
                )
            }
            known.isOptimizedElsewhere = true
        case .awaitsTransaction(let open):
            if known.awaited != open {
                texts.append(
                    "another engine has begun a transaction in \(name) at \(SnapshotTime.text(open.began)): changes "
                        + "since then wait for its commit before they come to the base store, for an hour at most"
                )
            }
            known.awaited = open
        case .caughtUp, .merged: known.isOptimizedElsewhere = false
        case .outrun, .held: break
        }
        let returned = returnedRows - known.returnedRows
        if returned > 0 {
            known.returnedRows = returnedRows
            texts.append(
                "Amoro has rewritten files of \(name) without deletes that came to them meanwhile: \(returned) rows that "
                    + "had been deleted or replaced are there again. They go when their keys change again"
            )
        }
        return texts
    }
}

import Bytes
import MixedTables
import Synchronization

/// What is known of the key indexes of a run, and what is told of their folders.
final class KeyIndexWatch: Sendable {
    private let reports = Mutex<[String: KeyIndexReport]>([:])
    private let onWarning: @Sendable (String) -> Void

    init(onWarning: @escaping @Sendable (String) -> Void) { self.onWarning = onWarning }

    var all: [String: KeyIndexReport] { reports.withLock { $0 } }

    func take(_ event: KeyIndexState.Event, of table: String) {
        switch event {
        case .loaded(let keys): begin(table, keys: keys, isFromFolder: false, commitsBehind: nil)
        case .reopened(let keys, let behind): begin(table, keys: keys, isFromFolder: true, commitsBehind: behind)
        case .refused(let error):
            onWarning(
                "the keys of \(table) are read from the table again, since those of its state folder are not used: "
                    + error.description
            )
        case .failed(let error): onWarning(Self.failure(error, of: table))
        }
    }

    static func failure(_ error: WeirError, of table: String) -> String {
        "the state folder of \(table) cannot be used: \(error). No row depends on it; its keys stay in memory meanwhile, "
            + "and the folder is tried again every minute (pipeline.state.dir)"
    }

    private func begin(_ table: String, keys: Int, isFromFolder: Bool, commitsBehind: Int?) {
        reports.withLock { reports in
            var report = reports[table] ?? KeyIndexReport()
            report.beginnings += 1
            report.keys = keys
            report.isFromFolder = isFromFolder
            report.commitsBehind = commitsBehind
            reports[table] = report
        }
    }
}

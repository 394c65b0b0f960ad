import Bytes
import EventLog
import MixedTables
import Synchronization

/// The keys of a table, and the commits whose keys are among them though the keys are from an older state.
struct KeptKeys: Sendable {
    var keys: TableKeys
    var own: Set<Int64>
}

/// What a run keeps from one generation to the next, so that a start costs what is new and not what there is.
final class RunMemory: @unchecked Sendable {
    /// By table.
    var keys: [String: KeptKeys] = [:]
    /// Keys that are being read, by table.
    let loading = Mutex<[String: Loading<TableKeys>]>([:])
    /// By name.
    var dimensions: [String: LiveDimension] = [:]
    var letters: DeadLetterFile?
    /// The source tables that the first records of a partition are of.
    var sourceTables: [TopicPartition: Set<String>] = [:]

    /// The keys of a table of which none are known. Reading them goes on when waiting for them is given up, and is not begun
    /// a second time.
    func keys(of sink: SinkTable, check: () throws(WeirError) -> Void) throws(WeirError) -> TableKeys {
        let table = sink.table
        let name = sink.name
        let loading = loading.withLock { all in
            if let known = all[name] { return known }
            let new = Loading { (check) throws(WeirError) in try TableKeys(table, check: check) }
            all[name] = new
            return new
        }
        let result: Result<TableKeys, WeirError>
        do throws(WeirError) {
            result = .success(try loading.value(check: check))
        } catch {
            if error.code == .cancelled { throw error }
            result = .failure(error)
        }
        self.loading.withLock { $0[name] = nil }
        return try result.get()
    }

    /// The run is over: nothing is read any more when this returns.
    func end() {
        for loading in loading.withLock({ $0.values.map(\.self) }) { loading.cancel() }
        loading.withLock { $0 = [:] }
        for dimension in dimensions.values { dimension.endLoading() }
    }

    /// Logs are others than they were: what was learnt of them does not hold.
    func forgetLogs() {
        letters = nil
        sourceTables = [:]
    }
}

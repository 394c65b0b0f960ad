import Bytes
import ChangeEvents
import EventLog
import MixedTables
import Synchronization

/// The keys of a table, and the commits whose keys are included although they are newer than the state the keys are
/// from.
struct KeptKeys: Sendable {
    var keys: TableKeys
    var own = RangeSet<Int64>()
}

/// What a run keeps from one generation to the next, so that a start reads only what is new.
final class RunMemory: @unchecked Sendable {
    /// By table.
    var keys: [String: KeptKeys] = [:]
    /// Keys that are being read, by table.
    let loading = Mutex<[String: Loading<TableKeys>]>([:])
    /// Where the keys of tables are besides memory, by table.
    private let states: [String: KeyIndexState]
    /// By name.
    var dimensions: [String: LiveDimension] = [:]
    var letters: DeadLetterFile?
    /// The source tables of the first records of each partition.
    var sourceTables: [TopicPartition: Set<String>] = [:]

    init(states: [String: KeyIndexState]) { self.states = states }

    /// Reads the keys of a table. When `check` ends the wait, the load goes on, and the next call waits for the same load.
    func keys(of sink: SinkTable, check: () throws(WeirError) -> Void) throws(WeirError) -> TableKeys {
        let table = sink.table
        let name = sink.name
        let loading = loading.withLock { all in
            if let known = all[name] { return known }
            let state = states[name]
            let new = Loading { (check) throws(WeirError) in try TableKeys(table, state: state, check: check) }
            all[name] = new
            return new
        }
        let outcome = try loading.outcome(check: check)
        self.loading.withLock { $0[name] = nil }
        return try outcome.get()
    }

    /// Ends the run's loads, none of which is under way when this returns, and gives the keys up.
    func end() {
        for loading in loading.withLock({ $0.values.map(\.self) }) { loading.cancel() }
        loading.withLock { $0 = [:] }
        for dimension in dimensions.values { dimension.endLoading() }
        keys = [:]
        for state in states.values { state.end() }
    }

    /// Called when logs were replaced: what was learnt about them is no longer valid.
    func forgetLogs() {
        letters = nil
        sourceTables = [:]
    }
}

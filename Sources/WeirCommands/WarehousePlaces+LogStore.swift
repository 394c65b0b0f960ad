import Bytes
import ChangeEvents
import LogStores
import MixedTables
import StreamRuntime

extension WarehousePlaces {
    /// The changes in the table's LogStore after its last commit; empty before its first writer has started.
    func logStoreTail(of source: MixedTable) throws(WeirError) -> [ChangeBatch] {
        let settings = try LogStoreSettings(source.properties, isKeyed: source.isKeyed)
        guard settings.isEnabled else {
            throw WeirError(
                .invalid,
                "table \(source.identifier) has no LogStore to read fresh changes from",
                advice: "set log-store.enabled, log-store.type and log-store.topic, or leave --fresh out"
            )
        }
        let log = try TopologyLogs(self).logStore(settings)
        return try LogStoreFollower(source, log: log, settings: settings)?.tail(of: log) ?? []
    }
}

import Bytes
import ChangeEvents
import IcebergFormat
import IcebergTables

/// What the snapshot of an epoch says in its summary: whose it is, and how far the LogStore is with it.
///
/// The positions themselves stand once, in the table's properties. Every commit writes the summaries of all snapshots
/// again, so a summary has only a checksum of them, by which a process knows its own snapshot.
public enum EpochMark {
    /// `weir.positions.<topology>` → eight hexadecimal digits; with a LogStore, `weir.log-store.<topology>` → its ledger
    /// without the writers' partitions.
    static func entries(
        of topology: String,
        hasLogStore: Bool
    ) -> @Sendable (TableMetadata) throws(WeirError) -> [String: String] {
        { (metadata) throws(WeirError) in
            var entries = [PositionLedger.propertyName(topology: topology): mark(of: topology, metadata)]
            let logStore = LogStoreLedger.propertyName(topology: topology)
            if hasLogStore, let text = metadata.properties[logStore] {
                entries[logStore] = try LogStoreLedger(json: text).withoutPartitions.json
            }
            return entries
        }
    }

    /// Whether a snapshot is of an epoch of a topology.
    static func isOf(_ topology: String, _ snapshot: Snapshot) -> Bool {
        snapshot.summary[PositionLedger.propertyName(topology: topology)] != nil
    }

    /// Whether a snapshot was made by the commit that stored a topology's current positions.
    public static func isNewest(of topology: String, _ snapshot: Snapshot, in metadata: TableMetadata) -> Bool {
        snapshot.summary[PositionLedger.propertyName(topology: topology)] == mark(of: topology, metadata)
    }

    private static func mark(of topology: String, _ metadata: TableMetadata) -> String {
        var text = metadata.properties[PositionLedger.propertyName(topology: topology)] ?? ""
        return text.withUTF8 {
            String(decoding: EmbeddedChecksum.digits(CRC32C.checksum(UnsafeRawBufferPointer($0))), as: UTF8.self)
        }
    }
}

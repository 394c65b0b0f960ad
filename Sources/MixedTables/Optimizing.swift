import Bytes
import Foundation
import IcebergFormat
import IcebergTables

extension Transaction {
    /// Records in the next snapshot of base how much of the change store it contains (spec section 4.5).
    ///
    /// - Parameters:
    ///   - sequences: the partitions whose sequence moves, by partition path.
    ///   - known: the map of the snapshot before.
    /// - Returns: what the summary of the snapshot must say.
    mutating func setOptimized(
        _ sequences: [String: Int64],
        after known: OptimizedSequence,
        of base: Table,
        nowMilliseconds: Int64
    ) throws(WeirError) -> [String: String] {
        var optimized = known
        for (path, sequence) in sequences { optimized.move(path, to: sequence, atMilliseconds: nowMilliseconds) }
        let merged = optimized
        setProperties(try merged.properties(for: base))
        setStatistics { (snapshot) throws(WeirError) in
            try merged.store(for: snapshot, of: base, uuid: UUID().uuidString.lowercased())
        }
        return try OptimizedSequence.summary(for: base).merging(Snapshot.optimizingSummary) { $1 }
    }
}

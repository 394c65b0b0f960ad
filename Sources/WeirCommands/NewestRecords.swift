import Bytes
import EventLog

/// Finds the newest records of a topic. Partitions have no common order, so their records are compared by time; within a
/// partition the order is that of the offsets.
enum NewestRecords {
    /// The offset in each partition at which the newest records begin, at most `limit` of all partitions together.
    static func starts(
        _ log: any PartitionedLog,
        _ topic: String,
        _ partitions: [Int],
        limit: Int
    ) throws(WeirError) -> [Int64] {
        var ends: [Int64] = []
        var starts: [Int64] = []
        for partition in partitions {
            let (earliest, end) = try log.offsets(topic: topic, partition: partition)
            ends.append(end)
            starts.append(limit < end - earliest ? end - Int64(limit) : earliest)
        }
        if partitions.count == 1 { return starts }
        var times: [[Int64]] = []
        for (index, partition) in partitions.enumerated() {
            let reader = try log.reader(topic: topic, partition: partition, from: starts[index])
            var own: [Int64] = []
            while reader.position < ends[index], let batch = try reader.next(maxBytes: 1 << 20) {
                own += batch.records.lazy.filter { $0.offset < ends[index] }.map(\.timestamp)
            }
            times.append(own)
        }
        return zip(ends, counts(times, limit: limit)).map { $0 - Int64($1) }
    }

    /// How many of the last records of each partition are among the newest.
    ///
    /// - Parameter times: the records' timestamps by partition, in the order of the offsets.
    static func counts(_ times: [[Int64]], limit: Int) -> [Int] {
        var taken = times.map { _ in 0 }
        for _ in 0..<min(limit, times.reduce(0) { $0 + $1.count }) {
            var newest: (index: Int, time: Int64)?
            for (index, own) in times.enumerated() where taken[index] < own.count {
                let time = own[own.count - 1 - taken[index]]
                if newest.map({ time > $0.time }) ?? true { newest = (index, time) }
            }
            if let newest { taken[newest.index] += 1 }
        }
        return taken
    }
}

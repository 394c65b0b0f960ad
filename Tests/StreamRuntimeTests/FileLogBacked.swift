import Bytes
import EventLog

/// A log that wraps a file log and alters its records or the access to them.
protocol FileLogBacked: PartitionedLog {
    var log: FileLog { get }
}

extension FileLogBacked {
    func topics() throws(WeirError) -> [String] { try log.topics() }
    func partitions(of topic: String) throws(WeirError) -> [Int] { try log.partitions(of: topic) }
    func offsets(topic: String, partition: Int) throws(WeirError) -> (earliest: Int64, end: Int64) {
        try log.offsets(topic: topic, partition: partition)
    }
    func offset(topic: String, partition: Int, notBefore timestamp: Int64) throws(WeirError) -> Int64 {
        try log.offset(topic: topic, partition: partition, notBefore: timestamp)
    }
    func reader(topic: String, partition: Int, from offset: Int64) throws(WeirError) -> any PartitionReader {
        try log.reader(topic: topic, partition: partition, from: offset)
    }
}

import Bytes
import CRdKafka
import ChangeEvents
import EventLog
import Synchronization

/// A client for reading, and the partitions leased to its readers.
final class KafkaDataClient: Sendable {
    /// The lease of a partition by one reader; released when the reader is freed.
    final class Lease: Sendable {
        let partition: TopicPartition
        let handle: KafkaHandle
        /// How much is prefetched for the reader.
        let prefetch: KafkaPrefetch
        private let owner: KafkaDataClient

        fileprivate init(_ partition: TopicPartition, _ owner: KafkaDataClient) {
            self.partition = partition
            self.owner = owner
            handle = owner.handle
            prefetch = owner.prefetch
        }

        deinit { owner.taken.withLock { _ = $0.remove(partition) } }
    }

    let handle: KafkaHandle
    let prefetch: KafkaPrefetch
    private let taken = Mutex<Set<TopicPartition>>([])

    init(_ settings: KafkaSettings, _ prefetch: KafkaPrefetch) throws(WeirError) {
        handle = try KafkaHandle(.data(prefetch), settings)
        self.prefetch = prefetch
    }

    /// Nil when another reader holds the partition.
    func lease(_ partition: TopicPartition) -> Lease? {
        taken.withLock { $0.insert(partition).inserted } ? Lease(partition, self) : nil
    }
}

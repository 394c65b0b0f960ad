import Bytes
import CRdKafka
import EventLog
import Synchronization

/// A client that reads, and the partitions that readers hold in it.
final class KafkaDataClient: Sendable {
    /// One reader's place; given back when the reader is gone.
    final class Lease: Sendable {
        let partition: TopicPartition
        let handle: KafkaHandle
        /// How much is fetched ahead of the reader.
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

    /// Nil when somebody reads the partition.
    func lease(_ partition: TopicPartition) -> Lease? {
        taken.withLock { $0.insert(partition).inserted } ? Lease(partition, self) : nil
    }
}

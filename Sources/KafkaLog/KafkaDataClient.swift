import CRdKafka
import EventLog
import Synchronization

/// A client that reads, and the partitions that readers hold in it.
final class KafkaDataClient: Sendable {
    /// One reader's place; given back when the reader is gone.
    final class Lease: Sendable {
        let partition: TopicPartition
        let handle: KafkaHandle
        private let owner: KafkaDataClient

        fileprivate init(_ partition: TopicPartition, _ owner: KafkaDataClient) {
            self.partition = partition
            self.owner = owner
            handle = owner.handle
        }

        deinit { owner.taken.withLock { _ = $0.remove(partition) } }
    }

    let handle: KafkaHandle
    private let taken = Mutex<Set<TopicPartition>>([])

    init(_ handle: KafkaHandle) {
        self.handle = handle
    }

    /// Nil when somebody reads the partition.
    func lease(_ partition: TopicPartition) -> Lease? {
        taken.withLock { $0.insert(partition).inserted } ? Lease(partition, self) : nil
    }
}

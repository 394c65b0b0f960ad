import Synchronization

/// The partitions this process writes, by directory. Readers in this process use it to see exactly the acknowledged
/// records.
final class ActivePartitions: Sendable {
    static let shared = ActivePartitions()
    private let writers = Mutex<[String: PartitionWriter]>([:])

    func register(_ writer: PartitionWriter) { writers.withLock { $0[writer.directory] = writer } }

    func unregister(_ writer: PartitionWriter) {
        writers.withLock { if $0[writer.directory] === writer { $0[writer.directory] = nil } }
    }

    func writer(of directory: String) -> PartitionWriter? { writers.withLock { $0[directory] } }
}

import Bytes

/// An append in flight. A producer may have several in flight, so the device stays busy while it encodes the next
/// batch.
public final class AppendTicket: @unchecked Sendable {
    let batch: EncodedRecordBatch
    let partition: PartitionWriter
    // Protected by the partition's condition.
    var result: Result<Int64, WeirError>?

    init(_ batch: EncodedRecordBatch, _ partition: PartitionWriter) {
        self.batch = batch
        self.partition = partition
    }

    /// Blocks until the records are acknowledged; returns the offset of the first. May be called again.
    @discardableResult
    public func wait() throws(WeirError) -> Int64 { try partition.wait(self) }

    /// The offset of the first record once they are acknowledged, nil until then; never blocks.
    public func poll() throws(WeirError) -> Int64? { try partition.poll(self) }
}

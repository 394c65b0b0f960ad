import Bytes

/// Transactions under another id that may have written some of the same changes: ids of an earlier version, and ids
/// from before the sources of a topology became shared between processes or stopped being shared.
public struct EarlierTransactions: Sendable {
    /// The state stored by the last transaction, and the number of transactions.
    public typealias Stored = (state: String, count: Int64)

    let id: String
    /// Reads the stored state; nil when there was no transaction. Does not fence the writer.
    let stored: @Sendable () throws(WeirError) -> Stored?
    /// Reads the stored state after fencing any writer that still uses the id.
    let takenOver: @Sendable () throws(WeirError) -> Stored?

    public init(
        id: String,
        stored: @escaping @Sendable () throws(WeirError) -> Stored?,
        takenOver: @escaping @Sendable () throws(WeirError) -> Stored?
    ) {
        self.id = id
        self.stored = stored
        self.takenOver = takenOver
    }

    /// The state of the id, read after its writers are fenced, since they may be about to commit. Empty when the id was
    /// never used.
    func claimed() throws(WeirError) -> (id: String, state: TopicState, count: Int64) {
        guard try stored() != nil, let last = try takenOver() else { return (id, TopicState(), 0) }
        return (id, try TopicState(text: last.state), last.count)
    }
}

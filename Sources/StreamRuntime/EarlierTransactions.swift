import Bytes

/// Transactions under another id that may have written some of the same changes: of an earlier version, or from before
/// the sources of a topology were shared by processes, or were not any more.
public struct EarlierTransactions: Sendable {
    /// What the last of them has stored, and how many there were.
    public typealias Stored = (state: String, count: Int64)

    let id: String
    /// Nil when there was none. Shuts nobody out.
    let stored: @Sendable () throws(WeirError) -> Stored?
    /// The same, once whoever still writes under that id is shut out.
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

    /// The state of an id that has been used, after shutting its users out: they may be about to commit.
    func claimed() throws(WeirError) -> (id: String, state: TopicState, count: Int64) {
        guard try stored() != nil, let last = try takenOver() else { return (id, TopicState(), 0) }
        return (id, try TopicState(text: last.state), last.count)
    }
}

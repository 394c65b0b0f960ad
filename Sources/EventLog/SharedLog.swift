import Bytes
import ChangeEvents

/// A log whose partitions several processes share: each partition belongs to one member of a group at a time.
public protocol SharedLog: PartitionedLog {
    /// Joins a group. `GroupMembership.poll` returns the partitions assigned to this member.
    ///
    /// - Parameters:
    ///   - topics: topics by name; they need not exist yet.
    ///   - pattern: a regular expression that must match the whole name of a topic; nil for none.
    ///   - instance: the static member id. A member that rejoins under the same id gets its partitions back at once,
    ///     however it ended. Nil for a dynamic member.
    func join(
        group: String,
        topics: [String],
        pattern: String?,
        instance: String?
    ) throws(WeirError) -> any GroupMembership
    /// Sets how many partitions will be read concurrently and how many bytes may be prefetched for all of them.
    /// Existing readers keep their limits.
    func willRead(partitions: Int, aheadBytes: Int)
    /// Describes why readers got nothing from brokers, if a problem was noticed after `moment`; nil otherwise.
    func trouble(since moment: ContinuousClock.Instant) -> String?
    /// Session timeout of a group member, in milliseconds.
    var sessionMilliseconds: Int { get }
    /// The group's committed offset (the next one to read); nil if there is none.
    func committedOffset(group: String, topic: String, partition: Int) throws(WeirError) -> Int64?
}

extension SharedLog {
    public func join(group: String, topics: [String], pattern: String?) throws(WeirError) -> any GroupMembership {
        try join(group: group, topics: topics, pattern: pattern, instance: nil)
    }

    /// Default implementation for logs without brokers.
    public func trouble(since moment: ContinuousClock.Instant) -> String? { nil }
    /// The default of Kafka clients.
    public var sessionMilliseconds: Int { 45_000 }
    /// Default implementation for logs that do not prefetch.
    public func willRead(partitions: Int, aheadBytes: Int) {}
}

/// An event of a consumer group. The member answers every event with `GroupMembership.confirm`.
public enum GroupEvent: Sendable, Equatable {
    /// Exactly these partitions belong to this member after `confirm`.
    case assigned([TopicPartition])
    /// All partitions are revoked: commit what was read of them, then `confirm`.
    case revoked
    /// The group has already assigned the partitions to others: nothing more may be committed for them.
    case lost
}

/// Membership in a group. Used by one thread at a time.
///
/// The membership stays alive while its owner is busy, but a rebalance waits only a limited time for the answer.
public protocol GroupMembership: AnyObject, Sendable {
    /// Returns the next event; nil if there is none within the timeout.
    func poll(timeoutMilliseconds: Int) throws(WeirError) -> GroupEvent?
    /// Answers the event that `poll` returned last.
    func confirm() throws(WeirError)
    /// Commits offsets to the group asynchronously, for tools that show lag. Returns false when this member does not
    /// own the partitions any more.
    func commit(_ next: [TopicPartition: Int64]) throws(WeirError) -> Bool
    /// Leaves the group, so that other members take over at once.
    func leave()
    /// Returns, once, a notice about how the group treats this member that should be shown to the user.
    func takeNotice() -> String?
}

extension GroupMembership {
    public func takeNotice() -> String? { nil }
}

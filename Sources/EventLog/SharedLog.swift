import Bytes

/// One partition of one topic.
public struct TopicPartition: Hashable, Sendable, Comparable, CustomStringConvertible {
    public let topic: String
    public let partition: Int

    public init(topic: String, partition: Int) {
        self.topic = topic
        self.partition = partition
    }

    public var description: String { "\(topic)/\(partition)" }

    public static func < (left: TopicPartition, right: TopicPartition) -> Bool {
        (left.topic, left.partition) < (right.topic, right.partition)
    }
}

/// A log whose partitions several processes share: each partition belongs to one member of a group at a time.
public protocol SharedLog: PartitionedLog {
    /// Joins a group. Which partitions this member gets is told by `GroupMembership.poll`.
    ///
    /// - Parameters:
    ///   - topics: topics by name; they need not exist yet.
    ///   - pattern: a regular expression that must match the whole name of a topic; nil for none.
    ///   - instance: what the member is known by; one that joins again under it goes on with its partitions at once,
    ///     however the last one ended. Nil for a member that the group forgets.
    func join(
        group: String,
        topics: [String],
        pattern: String?,
        instance: String?
    ) throws(WeirError) -> any GroupMembership
    /// Tells how many partitions are about to be read at once, and the bytes that may be fetched ahead of all their
    /// readers. Readers that exist keep what they were given.
    func willRead(partitions: Int, aheadBytes: Int)
    /// Why readers got nothing from brokers, in words, when that was noticed after a moment; nil when nothing was.
    func trouble(since moment: ContinuousClock.Instant) -> String?
    /// How long a group waits for a member that is silent, in milliseconds.
    var sessionMilliseconds: Int { get }
    /// The offset behind the last one committed to the group; nil when none is.
    func committedOffset(group: String, topic: String, partition: Int) throws(WeirError) -> Int64?
}

extension SharedLog {
    public func join(group: String, topics: [String], pattern: String?) throws(WeirError) -> any GroupMembership {
        try join(group: group, topics: topics, pattern: pattern, instance: nil)
    }

    /// For logs without brokers.
    public func trouble(since moment: ContinuousClock.Instant) -> String? { nil }
    /// What Kafka's clients ask for.
    public var sessionMilliseconds: Int { 45_000 }
    /// For logs that fetch nothing ahead.
    public func willRead(partitions: Int, aheadBytes: Int) {}
}

/// What a group tells its member. Every event is answered with `GroupMembership.confirm`.
public enum GroupEvent: Sendable, Equatable {
    /// These, and only these, belong to this member from `confirm` on.
    case assigned([TopicPartition])
    /// Everything is taken away: commit what was read of them, then `confirm`.
    case revoked
    /// The group has given the partitions to others already: what is not committed must not be committed any more.
    case lost
}

/// Membership in a group. Used by one thread at a time.
///
/// It stays alive whatever its owner is busy with, but a change of the group waits only so long for the answer.
public protocol GroupMembership: AnyObject, Sendable {
    /// Returns what has happened.
    func poll(timeoutMilliseconds: Int) throws(WeirError) -> GroupEvent?
    /// Answers the event that `poll` returned last.
    func confirm() throws(WeirError)
    /// Tells the group how far its partitions are read, for tools that show lag, and does not wait until it knows. Returns
    /// false when this member does not own them any more.
    func commit(_ next: [TopicPartition: Int64]) throws(WeirError) -> Bool
    /// Leaves the group, so that others take over at once.
    func leave()
    /// What somebody should know of how the group treats this member, in words, once.
    func takeNotice() -> String?
}

extension GroupMembership {
    public func takeNotice() -> String? { nil }
}

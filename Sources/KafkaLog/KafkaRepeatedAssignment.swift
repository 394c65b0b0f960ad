import EventLog

/// Decides whether a group that repeats an assignment leaves partitions unread.
///
/// A static member is assigned the same partitions in the same generation again in two cases:
/// - A topic got partitions and this member, which does not lead the group, saw them before the leader and rejoined.
///   Kafka's brokers answer it from the current generation. The leader sees the partitions within one metadata refresh,
///   rejoins too, and the group assigns anew.
/// - Some brokers remove a static member after its session timeout and make the others rejoin, but keep the old
///   assignment, so nobody reads its partitions. They handle dynamic members correctly.
///
/// Only the second lasts.
struct KafkaRepeatedAssignment {
    private static let unservedAfter = Duration.seconds(20)
    private static let refreshes = 3

    private let patience: Duration
    /// When the assignment was repeated; nil while the last one was a new one.
    private var repeatedAt: ContinuousClock.Instant?
    private var holds = false

    /// - Parameter refreshMilliseconds: how often members look for new partitions.
    init(refreshMilliseconds: Int) {
        patience = max(Self.unservedAfter, .milliseconds(refreshMilliseconds) * Self.refreshes)
    }

    /// Notes an event of the group.
    mutating func saw(_ said: KafkaGroupEvents.Said, at now: ContinuousClock.Instant) {
        switch said.event {
        case .assigned:
            holds = true
            repeatedAt = said.isRepeated ? repeatedAt ?? now : nil
        // A revocation is part of every repetition.
        case .revoked: holds = false
        case .lost: (holds, repeatedAt) = (false, nil)
        }
    }

    /// Whether the repeated assignment has lasted too long. True once for each.
    mutating func takesTooLong(at now: ContinuousClock.Instant) -> Bool {
        guard holds, let time = repeatedAt, now - time >= patience else { return false }
        repeatedAt = nil
        return true
    }
}

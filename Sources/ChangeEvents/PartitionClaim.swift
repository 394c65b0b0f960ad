import Bytes

/// The partitions a process may commit, each with the number of its claim.
///
/// Every claim of a partition increments its number in the table. A commit under an older number is refused, so a
/// process that was paused while others took over its partitions cannot commit. Stored as the table property
/// `weir.claims.<topology>` in the form of a `PositionLedger`: `{"shop.public.orders":{"0":3}}`.
public struct PartitionClaim: TopologyLedger {
    /// The claim numbers, by partition.
    public private(set) var numbers: PositionLedger

    public init(_ numbers: PositionLedger) { self.numbers = numbers }
    public init() { numbers = PositionLedger() }

    public static func propertyName(topology: String) -> String { "weir.claims.\(topology)" }

    public static let empty = PartitionClaim()

    public var json: String { numbers.json }
    public init(json: String) throws(WeirError) { numbers = try PositionLedger(json: json) }

    public func contains(_ partition: TopicPartition) -> Bool { numbers.next(partition) != nil }

    /// A copy in which the numbers of the given partitions are incremented.
    public func taking(_ partitions: Set<TopicPartition>) -> PartitionClaim {
        var taken = self
        for partition in partitions {
            taken.numbers.advance(partition, to: (numbers.next(partition) ?? 0).addingClamped(1))
        }
        return taken
    }

    /// The claims of the given partitions only.
    public func restricted(to partitions: Set<TopicPartition>) -> PartitionClaim {
        PartitionClaim(PositionLedger(numbers.positions.filter { partitions.contains($0.key) }))
    }

    /// The first partition that another process has claimed since; nil if all of these claims are still current.
    public func firstLost(in newest: PartitionClaim) -> TopicPartition? {
        numbers.positions.filter { newest.numbers.next($0.key) != $0.value }.keys.min()
    }
}

/// The partitions a process may commit, each with the number of its claim.
///
/// Every claim of a partition increments its number in the table. A commit under an older number is refused, so a
/// process that was paused while others took over its partitions cannot commit. Stored as the table property
/// `weir.claims.<topology>` in the form of a `PositionLedger`: `{"shop.public.orders":{"0":3}}`.
public struct PartitionClaim: Sendable, Equatable {
    /// The claim numbers, by topic and partition.
    public private(set) var numbers: PositionLedger

    public init(_ numbers: PositionLedger = PositionLedger()) { self.numbers = numbers }

    /// The property that holds the newest claims of a topology.
    public static func propertyName(topology: String) -> String { "weir.claims.\(topology)" }

    public static let empty = PartitionClaim()

    /// A copy in which the numbers of the given partitions are incremented.
    public func taking(_ partitions: [(topic: String, partition: Int)]) -> PartitionClaim {
        var taken = self
        for (topic, partition) in partitions {
            let current = numbers.next(topic: topic, partition: partition) ?? 0
            taken.numbers.advance(topic: topic, partition: partition, to: current.addingClamped(1))
        }
        return taken
    }

    /// The claims of the given partitions only.
    public func restricted(to partitions: [(topic: String, partition: Int)]) -> PartitionClaim {
        var kept = PositionLedger()
        for (topic, partition) in partitions {
            guard let number = numbers.next(topic: topic, partition: partition) else { continue }
            kept.advance(topic: topic, partition: partition, to: number)
        }
        return PartitionClaim(kept)
    }

    /// The first partition that another process has claimed since; nil if all of these claims are still current.
    public func firstLost(in newest: PartitionClaim) -> (topic: String, partition: Int)? {
        for (topic, partitions) in numbers.positions {
            for (partition, number) in partitions
            where newest.numbers.next(topic: topic, partition: partition) != number {
                return (topic, partition)
            }
        }
        return nil
    }
}

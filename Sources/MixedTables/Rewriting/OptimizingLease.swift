import Bytes
import Foundation
import IcebergTables

/// A process that writes files of a table anew says so, so that two do not do the same work, and so that others leave the
/// old files where they are until it is done: they delete rows of them and do not replace them.
///
/// It is a table property, `weir.optimizing`: `<owner> <milliseconds since 1970 at which it ends>`. A process that dies
/// holds nothing for long, and no one waits for it to commit changes.
public struct OptimizingLease: Sendable, Equatable {
    public static let property = "weir.optimizing"
    static let milliseconds: Int64 = 60_000
    /// How often a holder renews it.
    public static let renewMilliseconds: Int64 = 20_000
    /// The longest that is respected: a clock may be wrong.
    private static let longestMilliseconds: Int64 = 10 * 60_000

    public let owner: String
    /// Milliseconds since 1970.
    public let until: Int64

    init(owner: String, until: Int64) { (self.owner, self.until) = (owner, until) }

    /// The lease of a table; nil if there is none.
    public init?(_ table: MixedTable) { self.init(text: table.properties[Self.property]) }

    private init?(text: String?) {
        let parts = (text ?? "").split(separator: " ")
        guard parts.count == 2, let until = Int64(parts[1]) else { return nil }
        self.init(owner: String(parts[0]), until: until)
    }

    public func isInForce(_ now: Int64) -> Bool { until > now && until - now <= Self.longestMilliseconds }

    /// A name for this process, or a part of it.
    public static func newOwner() -> String { UUID().uuidString.lowercased() }

    /// Takes or renews a lease. Nil if another owner has one.
    public static func take(
        on table: MixedTable,
        as owner: String,
        nowMilliseconds now: Int64
    ) throws(WeirError) -> MixedTable? {
        let table = try table.refreshed()
        if let other = OptimizingLease(table), other.owner != owner, other.isInForce(now) { return nil }
        var transaction = Transaction(table.base)
        transaction.require { (metadata) throws(WeirError) in
            let other = Self(text: metadata.properties[property])
            guard other.map({ $0.owner == owner || !$0.isInForce(now) }) ?? true else {
                throw WeirError(.conflict, "another process optimizes \(table.identifier)")
            }
        }
        transaction.setProperties([property: "\(owner) \(now + milliseconds)"])
        do throws(WeirError) {
            return table.with(base: try transaction.commit())
        } catch {
            guard error.code == .conflict else { throw error }
            return nil
        }
    }

    /// Gives it back.
    public static func give(_ table: MixedTable, by owner: String) throws(WeirError) {
        let table = try table.refreshed()
        guard OptimizingLease(table)?.owner == owner else { return }
        var transaction = Transaction(table.base)
        transaction.require { (metadata) throws(WeirError) in
            guard Self(text: metadata.properties[property])?.owner == owner else {
                throw WeirError(.conflict, "the claim is another's by now")
            }
        }
        transaction.removeProperties([property])
        _ = try transaction.commit()
    }
}

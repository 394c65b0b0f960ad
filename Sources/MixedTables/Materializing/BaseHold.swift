import Bytes
import IcebergTables

/// A process that rewrites all of base asks others to leave it alone meanwhile: a commit of theirs would make the
/// rewrite void. Changes wait in the change store, and every reader of Mixed tables sees them there.
///
/// It is a time in a table property, so that a process that dies holds nothing for long.
public enum BaseHold {
    static let property = "weir.base-held-until"
    /// How long a hold lasts unless it is renewed, and the longest that is respected: a clock may be wrong.
    private static let milliseconds: Int64 = 60_000
    private static let longestMilliseconds: Int64 = 10 * 60_000
    /// How often a holder renews it.
    public static let renewMilliseconds: Int64 = 20_000

    /// Whether a process has asked for base to be left alone.
    public static func isInForce(_ properties: [String: String], nowMilliseconds now: Int64) -> Bool {
        guard let until = properties[property].flatMap({ Int64($0) }) else { return false }
        return until > now && until - now <= longestMilliseconds
    }

    /// Takes or renews a hold.
    public static func take(on table: MixedTable, nowMilliseconds now: Int64) throws(WeirError) -> MixedTable {
        try table.changingProperties([property: String(now + milliseconds)], removing: [])
    }

    /// Gives it back; the commit that ends the rewrite does so as well.
    public static func give(_ table: MixedTable) throws(WeirError) {
        guard try table.refreshed().properties[property] != nil else { return }
        _ = try table.changingProperties([:], removing: [property])
    }
}

import Bytes

/// When each table is looked at next, and since when it has not been optimized. Pure; times are milliseconds on any clock
/// that does not go back.
///
/// A table that fails waits longer each time, and its reason is told once until it is another one.
public struct OptimizingSchedule: Sendable {
    private struct Entry: Sendable {
        /// When the table was looked at first.
        let since: Int64
        var next: Int64
        var lastMinor: Int64?
        var lastFull: Int64?
        var failures = 0
        var told: String?
        /// Files that could not be read or written anew, and until when they are left out.
        var unusable: [String: Int64] = [:]
    }

    /// How long files that cannot be worked on are left out.
    private static let unusableFor: Int64 = 6 * 3_600_000

    private var entries: [String: Entry] = [:]

    private static let failureWaits: (first: Int64, longest: Int64) = (5_000, 600_000)

    public init() {}

    public func isLookedAt(_ table: String, atMilliseconds now: Int64) -> Bool { now >= entries[table]?.next ?? now }

    /// Notes a table that is seen for the first time, and says what to ask the strategy for.
    public mutating func request(for table: String, atMilliseconds now: Int64) -> OptimizingStrategy.Request {
        let entry = entries[table] ?? Entry(since: now, next: now)
        entries[table] = entry
        // What was done before this process began is not known: intervals begin with it.
        return .due(
            sinceMinor: now.subtractingClamped(entry.lastMinor ?? entry.since),
            sinceFull: now.subtractingClamped(entry.lastFull ?? entry.since)
        )
    }

    /// Nothing was due.
    public mutating func looked(at table: String, _ settings: OptimizingSettings, atMilliseconds now: Int64) {
        optimized(table, [], settings, atMilliseconds: now)
    }

    /// - Parameter kinds: what was done.
    public mutating func optimized(
        _ table: String,
        _ kinds: Set<OptimizingKind>,
        _ settings: OptimizingSettings,
        atMilliseconds now: Int64
    ) {
        var entry = entries[table] ?? Entry(since: now, next: now)
        if !kinds.isEmpty { entry.lastMinor = now }
        if kinds.contains(.full) { entry.lastFull = now }
        (entry.failures, entry.told) = (0, nil)
        entry.next = now.addingClamped(settings.planInterval)
        entries[table] = entry
    }

    /// - Returns: whether the reason is to be told.
    public mutating func failed(_ table: String, _ error: WeirError, atMilliseconds now: Int64) -> Bool {
        var entry = entries[table] ?? Entry(since: now, next: now)
        let (first, longest) = Self.failureWaits
        entry.next = now.addingClamped(min(longest, first << Int64(min(entry.failures, 10))))
        entry.failures += 1
        let isNew = entry.told != error.message
        entry.told = error.message
        entries[table] = entry
        return isNew
    }

    /// Leaves files out of the next plans.
    ///
    /// - Returns: those that are new.
    public mutating func leaveOut(_ files: [String], of table: String, atMilliseconds now: Int64) -> [String] {
        var entry = entries[table] ?? Entry(since: now, next: now)
        entry.unusable = entry.unusable.filter { $0.value > now }
        let new = files.filter { entry.unusable[$0] == nil }
        for file in files { entry.unusable[file] = now.addingClamped(Self.unusableFor) }
        entries[table] = entry
        return new
    }

    /// Files that are left out now.
    public func leftOut(of table: String, atMilliseconds now: Int64) -> Set<String> {
        Set((entries[table]?.unusable ?? [:]).filter { $0.value > now }.keys)
    }

    /// Forgets tables that are not there any more.
    public mutating func keep(_ tables: Set<String>) { entries = entries.filter { tables.contains($0.key) } }
}

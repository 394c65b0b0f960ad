import Bytes
import Foundation
import IcebergFormat
import IcebergTables
import MixedTables

/// Looks after tables by itself: does for each what is due, one after the other (spec section 10.8).
///
/// It owns no thread and no clock. Whoever calls it gets back what was done and what went wrong; an error of one table, or
/// of one task, keeps no other from being done.
public struct Upkeep: Sendable {
    public enum Task: String, Sendable, CaseIterable {
        /// Snapshots, merged change files, and the files that only those needed.
        case expiry
        /// Files of which nothing shows that they were ever part of the table; for tables that say so.
        case orphans
        case danglingDeletes
        case dataExpiry
        case tags

        /// Whether it deletes rows or files by their age.
        var deletes: Bool { self == .expiry || self == .orphans || self == .dataExpiry }

        /// What the spec says. Dangling deletes and old rows come before the expiry that frees their files.
        static let order: [Task] = [.tags, .dataExpiry, .danglingDeletes, .expiry, .orphans]
    }

    /// How long after a task was done it is done again.
    public var periods: [Task: Duration] = [
        .expiry: .seconds(3600), .orphans: .seconds(86_400), .danglingDeletes: .seconds(86_400),
        .dataExpiry: .seconds(86_400), .tags: .seconds(60),
    ]
    /// How long a table is known before the first of it is done: what runs for a moment has no time for it.
    public var firstAfter: Duration = .seconds(300)

    public struct Event: Sendable, Equatable {
        public enum Kind: Sendable, Equatable {
            /// Something was done, in words.
            case done(String)
            case failed(WeirError)
        }

        public let table: TableIdentifier
        public let task: Task
        public let kind: Kind
    }

    private struct Key: Hashable {
        let table: TableIdentifier
        let task: Task
    }

    /// When each is due, on the caller's clock.
    private var due: [Key: Duration] = [:]
    /// The errors that were reported, until the task succeeds again.
    private var reported: [Key: String] = [:]
    private let zone: TimeZone
    /// The wall clock and the caller's clock at the last call.
    private var last: (wallMs: Int64, elapsed: Duration)?
    /// Nothing is deleted before this time of the caller's clock.
    private var holdsUntil = Duration.zero

    /// A wall clock that has gone further ahead than this, compared with the caller's, was set.
    private static let jumpMs: Int64 = 5 * 60_000
    /// How long nothing is deleted then: ages are not what they seem.
    private static let holdAfterJump = Duration.seconds(2 * 3600)

    /// - Parameter zone: of the days that tags are named by, and of times that are texts.
    public init(zone: TimeZone = .current) { self.zone = zone }

    /// Does what is due.
    ///
    /// - Parameters:
    ///   - nowMilliseconds: the time of day, milliseconds since 1970.
    ///   - elapsed: a time that nobody sets, such as since the start of the process.
    ///   - check: called now and then; an error it throws ends the work, which goes on with the next call.
    public mutating func runDue(
        _ tables: [MixedTable],
        nowMilliseconds: Int64,
        elapsed: Duration,
        check: () throws(WeirError) -> Void = {}
    ) -> [Event] {
        if let last {
            let passed = Int64((elapsed - last.elapsed) / .milliseconds(1))
            let shown = nowMilliseconds.subtractingClamped(last.wallMs)
            if shown.subtractingClamped(passed) > Self.jumpMs { holdsUntil = elapsed + Self.holdAfterJump }
        }
        last = (nowMilliseconds, elapsed)
        var events: [Event] = []
        var neighbours: NeighbourFolders?
        let known = Set(tables.map(\.identifier))
        due = due.filter { known.contains($0.key.table) }
        reported = reported.filter { known.contains($0.key.table) }
        for table in tables {
            for task in Task.order {
                let key = Key(table: table.identifier, task: task)
                guard let time = due[key] else {
                    due[key] = task == .tags ? elapsed : elapsed + min(firstAfter, periods[task] ?? firstAfter)
                    if task != .tags { continue }
                    // A tag is due at a moment: it waits for nothing.
                    due[key] = elapsed + (periods[task] ?? .zero)
                    events += run(task, table, &neighbours, nowMilliseconds, key, check)
                    continue
                }
                guard time <= elapsed else { continue }
                if task.deletes, elapsed < holdsUntil {
                    due[key] = holdsUntil
                    continue
                }
                do throws(WeirError) { try check() } catch { return events }
                due[key] = elapsed + (periods[task] ?? .zero)
                events += run(task, table, &neighbours, nowMilliseconds, key, check)
            }
        }
        return events
    }

    private mutating func run(
        _ task: Task,
        _ table: MixedTable,
        _ neighbours: inout NeighbourFolders?,
        _ nowMs: Int64,
        _ key: Key,
        _ check: () throws(WeirError) -> Void
    ) -> [Event] {
        do throws(WeirError) {
            let words = try Self.run(task, try table.refreshed(), &neighbours, zone, nowMs, check)
            reported[key] = nil
            return words.map { [Event(table: table.identifier, task: task, kind: .done($0))] } ?? []
        } catch {
            // Others changed the table at the same time, or the caller wants to end: it is due again.
            if error.code == .conflict || error.code == .cancelled { return [] }
            guard reported.updateValue(error.message, forKey: key) != error.message else { return [] }
            return [Event(table: table.identifier, task: task, kind: .failed(error))]
        }
    }

    /// What was done, in words; nil for nothing.
    private static func run(
        _ task: Task,
        _ table: MixedTable,
        _ neighbours: inout NeighbourFolders?,
        _ zone: TimeZone,
        _ nowMs: Int64,
        _ check: () throws(WeirError) -> Void
    ) throws(WeirError) -> String? {
        let settings = MaintenanceSettings(table.properties)
        func known(_ neighbours: inout NeighbourFolders?) throws(WeirError) -> NeighbourFolders {
            if let neighbours { return neighbours }
            let read = try NeighbourFolders(of: table.base.catalog, check: check)
            neighbours = read
            return read
        }
        switch task {
        case .tags: return try AutoTags.run(table, zone: zone, nowMs: nowMs).map { "created tag '\($0)'" }
        case .dataExpiry:
            let (_, outcome) = try DataExpiryRun(table, zone: zone, nowMs: nowMs).run()
            guard outcome.files > 0 else { return nil }
            return "removed \(CountText.of(outcome.rows, "old row")) in \(CountText.of(outcome.files, "file"))"
        case .danglingDeletes:
            guard settings.cleansDanglingDeletes else { return nil }
            let (_, files) = try DanglingDeletes(table, nowMs: nowMs).run()
            return files > 0 ? "removed \(CountText.of(files, "delete file")) that applied to nothing" : nil
        case .expiry:
            guard settings.deletesExpired else { return nil }
            let expiry = TableExpiry(table, neighbours: try known(&neighbours), nowMs: nowMs)
            let (_, outcome) = try expiry.run(classes: [.expired], check: check)
            return try words(outcome)
        case .orphans:
            guard settings.deletesOrphans else { return nil }
            let classes: Set<FoundFileClass> = [.metadata, .orphan]
            let cleaning = TableCleaning(table, neighbours: try known(&neighbours), nowMs: nowMs)
            let outcome = try cleaning.run(.init(quarantines: classes, deletes: classes), check: check)
            return try words(outcome, of: "orphan file")
        }
    }

    private static func words(_ outcome: TableExpiry.Outcome) throws(WeirError) -> String? {
        let snapshots = outcome.snapshots.values.reduce(0) { $0 + $1.snapshots.count }
        var parts: [String] = []
        if snapshots > 0 { parts.append("expired \(CountText.of(snapshots, "snapshot"))") }
        if outcome.changes.files > 0 {
            parts.append("removed \(CountText.of(outcome.changes.files, "merged change file"))")
        }
        if let freed = try words(outcome.cleaning, of: "file") { parts.append(freed) }
        return parts.isEmpty ? nil : parts.joined(separator: ", ")
    }

    /// Fails if some files could not be deleted.
    private static func words(_ outcome: TableCleaning.Outcome, of what: String) throws(WeirError) -> String? {
        for item in outcome.items { if case .failed(let error) = item.fate { throw error } }
        let deleted = outcome.count { $0 == .deleted }
        guard deleted.files > 0 else { return nil }
        return "deleted \(CountText.of(deleted.files, what)) of \(CountText.of(deleted.bytes, "byte"))"
    }
}

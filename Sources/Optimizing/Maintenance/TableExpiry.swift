import Bytes
import IcebergFormat
import IcebergTables
import MixedTables

/// Everything of a table that is over goes: snapshots, change files that base has, and the files that only those named.
public struct TableExpiry: Sendable {
    private let table: MixedTable
    private let neighbours: NeighbourFolders
    private let nowMs: Int64

    public struct Outcome: Sendable, Equatable {
        /// By store.
        public internal(set) var snapshots: [TableIdentifier: ExpiredSnapshots] = [:]
        public internal(set) var changes = ChangeFileRemoval.Outcome()
        public internal(set) var cleaning = TableCleaning.Outcome()
    }

    /// - Parameters:
    ///   - neighbours: the folders of all tables of the catalog.
    ///   - nowMs: milliseconds since 1970.
    public init(_ table: MixedTable, neighbours: NeighbourFolders, nowMs: Int64) {
        self.table = table
        self.neighbours = neighbours
        self.nowMs = nowMs
    }

    /// Fails with `invalid` for a table that is not to be looked after, and says why.
    public static func check(_ table: MixedTable) throws(WeirError) {
        let settings = MaintenanceSettings(table.properties)
        if settings.deletesExpired { return }
        if !settings.mayDelete {
            throw WeirError(
                .invalid,
                "'\(table.identifier)' has gc.enabled=false: its files may belong to other tables too, so nothing of it expires",
                advice: "set gc.enabled=true if they do not"
            )
        }
        guard settings.isMixed else {
            throw WeirError(
                .invalid,
                "'\(table.identifier)' is not a Mixed table: its snapshots expire when its owner says so",
                advice: "weir table alter \(table.identifier) --set table-expire.enabled=true has Weir do it"
            )
        }
        throw WeirError(
            .invalid,
            "'\(table.identifier)' has table-expire.enabled=false: nothing of it expires",
            advice: "weir table alter \(table.identifier) --unset table-expire.enabled"
        )
    }

    /// What `run` would do, as far as it can be told before it is done.
    public func plan() throws(WeirError) -> Outcome {
        try Self.check(table)
        var outcome = Outcome()
        for store in [table.base] + (table.change.map { [$0] } ?? []) {
            let expiry = SnapshotExpiry(store.metadata, SnapshotRetention(store.properties), nowMs: nowMs)
            var expired = ExpiredSnapshots()
            (expired.snapshots, expired.references) = (expiry.snapshots, expiry.references)
            outcome.snapshots[store.identifier] = expired
        }
        let changes = try ChangeFileRemoval(table, nowMs: nowMs).plan()
        outcome.changes.files = changes.due.count
        outcome.changes.bytes = changes.bytes
        outcome.changes.needed = changes.needed
        outcome.cleaning = try TableCleaning(table, neighbours: neighbours, nowMs: nowMs).run(.look)
        return outcome
    }

    /// - Parameters:
    ///   - classes: of files that are freed; nil for what the table's properties say.
    ///   - check: called now and then; an error it throws ends the work, and what was done stays.
    public func run(
        classes: Set<FoundFileClass>? = nil,
        check: () throws(WeirError) -> Void = {}
    ) throws(WeirError) -> (table: MixedTable, outcome: Outcome) {
        try Self.check(table)
        var outcome = Outcome()
        // Base first: change files wait for what it may be taken back to.
        let (base, expired) = try table.base.expiringSnapshots(nowMs: nowMs)
        outcome.snapshots[base.identifier] = expired
        try check()
        var change = table.change
        if let store = change {
            let (left, expired) = try store.expiringSnapshots(nowMs: nowMs)
            outcome.snapshots[store.identifier] = expired
            change = left
        }
        var table = MixedTable(base: base, change: change, primaryKey: table.primaryKey)
        (table, outcome.changes) = try ChangeFileRemoval(table, nowMs: nowMs).run(check: check)
        let cleaning = TableCleaning(table, neighbours: neighbours, nowMs: nowMs)
        let mode =
            classes.map { TableCleaning.Mode(quarantines: $0, deletes: $0) }
            ?? .init(unattended: MaintenanceSettings(table.properties))
        outcome.cleaning = try cleaning.run(mode, check: check)
        return (table, outcome)
    }
}

import Bytes
import IcebergFormat
import IcebergTables
import MixedTables
import ObjectStorage

/// Finds the files in the folders of a table that it does not need, and deletes them at a second look.
///
/// ```
/// folders listed ─> metadata loaded anew ─> not reached ─> quarantine ─ 1 h ─> not reached still, unchanged ─> deleted
/// ```
/// Only files are deleted that this has put in quarantine before, each by its path. A crash at any point leaves files
/// that are found again, and never takes one that the table reaches.
public struct TableCleaning: Sendable {
    private let table: MixedTable
    private let neighbours: NeighbourFolders
    private let nowMs: Int64
    private let quarantineMs: Int64?

    /// What a look does besides looking.
    public struct Mode: Sendable, Equatable {
        /// The classes that are put in quarantine.
        public var quarantines: Set<FoundFileClass> = []
        /// The classes that are deleted once they are due.
        public var deletes: Set<FoundFileClass> = []

        public static let look = Mode()

        public init(quarantines: Set<FoundFileClass> = [], deletes: Set<FoundFileClass> = []) {
            self.quarantines = quarantines
            self.deletes = deletes
        }

        /// What a table is cleaned of by itself.
        public init(unattended settings: MaintenanceSettings) {
            var classes: Set<FoundFileClass> = settings.deletesExpired ? [.expired] : []
            if settings.deletesOrphans { classes.formUnion([.metadata, .orphan]) }
            self.init(quarantines: classes, deletes: classes)
        }
    }

    /// What has become of a file.
    public enum Fate: Sendable, Equatable {
        /// Nothing has.
        case left(CleaningPlan.State)
        case quarantined(untilMs: Int64)
        case deleted
        /// It could not be deleted; it stays in quarantine.
        case failed(WeirError)
    }

    public struct Item: Sendable, Equatable {
        public let store: TableIdentifier
        public let file: FoundFile
        public let fate: Fate
    }

    public struct Outcome: Sendable, Equatable {
        public internal(set) var items: [Item] = []
        /// Files that were in quarantine and that the table needs again.
        public internal(set) var reclaimed: [String] = []

        /// Files with a fate, and their bytes.
        public func count(_ isCounted: (Fate) -> Bool) -> (files: Int, bytes: Int64) {
            let counted = items.filter { isCounted($0.fate) }
            return (counted.count, counted.reduce(0) { $0.addingClamped($1.file.size) })
        }
    }

    /// - Parameters:
    ///   - neighbours: the folders of all tables of the catalog.
    ///   - quarantineMs: how long files stand in quarantine; nil for what the table's properties say.
    ///   - nowMs: milliseconds since 1970.
    public init(_ table: MixedTable, neighbours: NeighbourFolders, quarantineMs: Int64? = nil, nowMs: Int64) {
        self.table = table
        self.neighbours = neighbours
        self.quarantineMs = quarantineMs
        self.nowMs = nowMs
    }

    private var stores: [Table] { (table.change.map { [$0] } ?? []) + [table.base] }

    /// Looks, and does what the mode says.
    ///
    /// - Parameter check: called now and then; an error it throws ends the work.
    public func run(_ mode: Mode, check: () throws(WeirError) -> Void = {}) throws(WeirError) -> Outcome {
        if mode != .look { try checkMayDelete() }
        var outcome = Outcome()
        for store in stores { try run(mode, store, &outcome, check) }
        return outcome
    }

    /// Empties the quarantine. Returns how many files were in it.
    public func undo() throws(WeirError) -> Int {
        var count = 0
        for store in stores {
            let store = try store.refreshed()
            let list = try QuarantineFile(
                in: store.metadataFolder,
                try listed(store.metadataFolder, store),
                store.storage
            )
            count += list.quarantine.entries.count
            try list.write(Quarantine())
        }
        return count
    }

    private func checkMayDelete() throws(WeirError) {
        for store in stores where !MaintenanceSettings(store.properties).mayDelete {
            throw WeirError(
                .invalid,
                "'\(store.identifier)' has gc.enabled=false: its files may belong to other tables too",
                advice: "set gc.enabled=true if they do not"
            )
        }
    }

    private func listed(_ folder: String, _ store: Table) throws(WeirError) -> [ObjectEntry] {
        try store.storage.list(folder + "/")
    }

    private func run(
        _ mode: Mode,
        _ store: Table,
        _ outcome: inout Outcome,
        _ check: () throws(WeirError) -> Void
    ) throws(WeirError) {
        let before = try store.refreshed()
        let folders = StoreFolders(before)
        let excluded = try neighbours.excluded(from: folders, of: Set(stores.map(\.identifier)))
        let listing = try StoreListing(folders, excluded, before.storage)
        try check()
        // As of now, after the listing: a file that a commit has added since is among those that are reached.
        let now = try before.refreshed()
        guard StoreFolders(now) == folders else {
            throw WeirError(
                .conflict,
                "the folders of '\(store.identifier)' were changed meanwhile",
                advice: "try again"
            )
        }
        let reach = try TableReach(now)
        let settings = MaintenanceSettings(now.properties)
        let unreached = listing.entries.filter { !reach.contains($0.key) }
        let trace = try ExpiredTrace(
            now,
            reach,
            unreached,
            overBeforeMs: nowMs.subtractingClamped(settings.orphanAgeMs),
            check: check
        )
        let list = try QuarantineFile(in: now.metadataFolder, listing.all, now.storage)
        let quarantineMs = quarantineMs ?? settings.quarantineMs
        let plan = CleaningPlan(
            unreached.compactMap { path, entry in listing.found(path, entry, wasPart: trace.files.contains(path)) },
            list.quarantine,
            isReached: reach.contains,
            orphanAgeMs: settings.orphanAgeMs,
            quarantineMs: quarantineMs,
            nowMs: nowMs
        )
        var kept = Quarantine()
        var removal = FileRemoval(now, reach)
        for item in plan.items {
            let (file, state) = (item.file, item.state)
            var fate = Fate.left(state)
            switch state {
            case .found where mode.quarantines.contains(file.fileClass):
                kept.add(file, nowMs: nowMs)
                fate = .quarantined(untilMs: nowMs.addingClamped(quarantineMs))
            case .due where mode.deletes.contains(file.fileClass):
                try check()
                do throws(WeirError) {
                    if try !removal.remove(file.path) {
                        outcome.reclaimed.append(file.path)
                        continue
                    }
                    fate = .deleted
                } catch {
                    if error.code != .storage { throw error }
                    fate = .failed(error)
                    kept.take(file.path, from: list.quarantine)
                }
            case .due, .held: kept.take(file.path, from: list.quarantine)
            case .found, .young: break
            }
            outcome.items.append(Item(store: store.identifier, file: file, fate: fate))
        }
        outcome.reclaimed += plan.reclaimed
        if mode == .look { return }
        removal.removeEmptyFolders(below: folders)
        try list.write(kept)
    }
}

extension Quarantine {
    fileprivate mutating func take(_ path: String, from other: Quarantine) {
        if let entry = other.entries[FilePath.normal(path)] { add(entry.file, nowMs: entry.sinceMs) }
    }
}

/// Deletes files of a store, and looks before it does so whether the table has changed.
private struct FileRemoval {
    private var table: Table
    private var reach: TableReach
    private var count = 0
    private var folders: Set<String> = []

    /// Files that are deleted between two looks at the table.
    private static let filesPerLook = 16

    init(_ table: Table, _ reach: TableReach) { (self.table, self.reach) = (table, reach) }

    /// False if the table needs the file again.
    mutating func remove(_ path: String) throws(WeirError) -> Bool {
        if count % Self.filesPerLook == 0 {
            table = try table.refreshed()
            if table.metadataLocation != reach.metadataLocation { reach = try TableReach(table) }
        }
        count += 1
        let normal = FilePath.normal(path)
        if reach.contains(normal) { return false }
        try table.storage.delete(path)
        folders.insert(normal.parentDirectory)
        return true
    }

    /// Removes the folders of partitions that have no file any more.
    func removeEmptyFolders(below folders: StoreFolders) {
        for data in folders.data where data.isOwn {
            var empty: Set<String> = []
            for folder in self.folders {
                var folder = folder
                while FilePath.isInside(folder, data.normal), empty.insert(folder).inserted {
                    folder = folder.parentDirectory
                }
            }
            if !empty.isEmpty { try? table.storage.removeEmptyDirectories(empty, in: data.normal) }
        }
    }
}

import Bytes
import IcebergFormat
import IcebergTables
import ObjectStorage

/// Which of the files that a store does not reach were part of it once.
///
/// A commit in the making may need files that nothing names yet, and it may take long. What a snapshot had that has
/// expired is over. Expired snapshots are found from the oldest ones left on, by the parents that their manifest lists
/// name, for as long as these lists lie in the metadata folder.
struct ExpiredTrace {
    /// By normal path.
    private(set) var files: Set<String>
    private var snapshots: Set<Int64> = []

    private let table: Table
    private let unreached: [String: ObjectEntry]
    /// By the id that their names tell.
    private var lists: [Int64: [String]] = [:]
    private var read: Set<String> = []

    /// - Parameters:
    ///   - unreached: files that the store does not reach, by normal path.
    ///   - overBeforeMs: a manifest list that was last changed before this time, for a sequence number that has been
    ///     given, belongs to no commit in the making.
    init(
        _ table: Table,
        _ reach: TableReach,
        _ unreached: [String: ObjectEntry],
        overBeforeMs: Int64,
        check: () throws(WeirError) -> Void
    ) throws(WeirError) {
        self.table = table
        self.unreached = unreached
        files = reach.removed
        for path in unreached.keys {
            if let id = Self.snapshotId(ofList: path.lastPathComponent) { lists[id, default: []].append(path) }
        }
        let metadata = table.metadata
        let left = Set(metadata.snapshots.map(\.id))
        var next = metadata.snapshots.compactMap(\.parentId)
        if let expired = ExpiredCommits(metadata) { next += [expired.snapshotId] + expired.kept }
        if let expired = ExpiredBaseCommits(metadata) { next.append(expired.snapshotId) }
        try follow(next, left, check)
        for (id, paths) in lists where !snapshots.contains(id) && !left.contains(id) {
            for path in paths where unreached[path].map({ $0.modifiedMs < overBeforeMs }) ?? false {
                guard let origin = try list(path)?.origin, origin.snapshotId == id, origin.sequenceNumber > 0,
                    origin.sequenceNumber <= metadata.lastSequenceNumber
                else { continue }
                try follow([id], left, check)
            }
        }
        addOlderMetadata()
    }

    private mutating func follow(
        _ start: [Int64],
        _ left: Set<Int64>,
        _ check: () throws(WeirError) -> Void
    ) throws(WeirError) {
        var next = start
        while let id = next.popLast() {
            guard !left.contains(id), snapshots.insert(id).inserted else { continue }
            try check()
            for path in lists[id] ?? [] {
                guard let (manifests, origin) = try list(path), origin.snapshotId == id else { continue }
                files.insert(path)
                if let parent = origin.parentId { next.append(parent) }
                for manifest in manifests { try add(manifest) }
            }
        }
    }

    private mutating func add(_ manifest: ManifestFile) throws(WeirError) {
        let path = FilePath.normal(manifest.path)
        guard unreached[path] != nil, read.insert(path).inserted else { return }
        files.insert(path)
        guard let spec = table.metadata.spec(id: manifest.specId) else { return }
        let entries = try readable { () throws(WeirError) in
            // Without the cache, which is for what will be read again.
            try Manifest.decode(
                try table.storage.read(manifest.path),
                manifest,
                partitionType: table.metadata.partitionType(spec)
            )
        }
        for entry in entries ?? [] { files.insert(FilePath.normal(entry.file.path)) }
    }

    private func list(_ path: String) throws(WeirError) -> (manifests: [ManifestFile], origin: ManifestList.Origin)? {
        guard let entry = unreached[path] else { return nil }
        let found = try readable { () throws(WeirError) in
            try ManifestList.decodeWithOrigin(try table.storage.read(entry.path), at: entry.path)
        }
        guard let found, let origin = found.origin else { return nil }
        return (found.manifests, origin)
    }

    /// Nil for what is damaged or gone: it tells nothing.
    private func readable<Result>(_ body: () throws(WeirError) -> Result) throws(WeirError) -> Result? {
        do throws(WeirError) {
            return try body()
        } catch {
            if error.code == .storage || error.code == .cancelled { throw error }
            return nil
        }
    }

    /// Older states of the metadata, and statistics of snapshots that have expired.
    private mutating func addOlderMetadata() {
        let current = Table.metadataVersion(of: table.metadataLocation)
        for path in unreached.keys {
            let name = path.lastPathComponent
            if let version = Table.metadataVersion(of: name) {
                if let current, version < current { files.insert(path) }
            } else if let dash = name.firstIndex(of: "-"), let id = Int64(name[..<dash]), snapshots.contains(id) {
                files.insert(path)
            }
        }
    }

    /// Of a name such as `snap-7-1-<uuid>.avro`.
    private static func snapshotId(ofList name: String) -> Int64? {
        guard name.hasPrefix("snap-"), name.hasSuffix(".avro") else { return nil }
        return name.dropFirst("snap-".count).split(separator: "-").first.flatMap { Int64($0) }
    }
}

import Bytes
import Columnar
import IcebergFormat
import ObjectStorage
import Synchronization

/// Reads manifests and manifest lists, remembering what it parsed.
///
/// Manifests never change under their name, so the cache needs no invalidation; it is shared by all tables.
struct ManifestStore: Sendable {
    let storage: any ObjectStorage

    func manifests(of snapshot: Snapshot) throws(WeirError) -> [ManifestFile] {
        if let path = snapshot.manifestList {
            if let known = ManifestCache.shared.list(path) { return known }
            let manifests = try ManifestList.decode(try storage.read(path), at: path)
            ManifestCache.shared.store(manifests, list: path)
            return manifests
        }
        // Version 1 metadata without a list: nothing is known of a manifest but its name.
        var manifests: [ManifestFile] = []
        for path in snapshot.manifests {
            let size = try storage.open(path).size
            manifests.append(ManifestFile(path: path, length: size, specId: 0, addedSnapshotId: snapshot.id))
        }
        return manifests
    }

    func entries(of manifest: ManifestFile, _ metadata: TableMetadata) throws(WeirError) -> [ManifestEntry] {
        if let known = ManifestCache.shared.entries(manifest) { return known }
        guard let spec = metadata.spec(id: manifest.specId) else {
            throw WeirError(.corrupt, "a manifest has the unknown partition spec \(manifest.specId)", at: manifest.path)
        }
        let entries = try Manifest.decode(
            try storage.read(manifest.path),
            manifest,
            partitionType: metadata.partitionType(spec)
        )
        ManifestCache.shared.store(entries, manifest)
        return entries
    }
}

/// Parsed manifests, bounded by the number of entries they hold.
final class ManifestCache: Sendable {
    static let shared = ManifestCache(entryLimit: 60_000)

    private struct Key: Hashable {
        let path: String
        // Entries inherit it, so the same file in a list of another number would differ.
        let sequenceNumber: Int64
    }

    private struct Slot {
        let entries: [ManifestEntry]
        var lastUse: UInt64
    }

    private struct State {
        var manifests: [Key: Slot] = [:]
        var lists: [String: (manifests: [ManifestFile], lastUse: UInt64)] = [:]
        var entryCount = 0
        var clock: UInt64 = 0
    }

    private let entryLimit: Int
    private let state = Mutex(State())

    init(entryLimit: Int) { self.entryLimit = entryLimit }

    func entries(_ manifest: ManifestFile) -> [ManifestEntry]? {
        state.withLock { state in
            state.clock += 1
            let key = Key(path: manifest.path, sequenceNumber: manifest.sequenceNumber)
            guard let index = state.manifests.index(forKey: key) else { return nil }
            state.manifests.values[index].lastUse = state.clock
            return state.manifests.values[index].entries
        }
    }

    func store(_ entries: [ManifestEntry], _ manifest: ManifestFile) {
        guard entries.count <= entryLimit / 4 else { return }
        state.withLock { state in
            state.clock += 1
            let key = Key(path: manifest.path, sequenceNumber: manifest.sequenceNumber)
            let slot = Slot(entries: entries, lastUse: state.clock)
            state.entryCount += entries.count - (state.manifests.updateValue(slot, forKey: key)?.entries.count ?? 0)
            guard state.entryCount > entryLimit else { return }
            for (key, slot) in state.manifests.sorted(by: { $0.value.lastUse < $1.value.lastUse }) {
                if state.entryCount <= entryLimit / 2 { break }
                state.manifests[key] = nil
                state.entryCount -= slot.entries.count
            }
        }
    }

    func list(_ path: String) -> [ManifestFile]? {
        state.withLock { state in
            state.clock += 1
            state.lists[path]?.lastUse = state.clock
            return state.lists[path]?.manifests
        }
    }

    func store(_ manifests: [ManifestFile], list path: String) {
        state.withLock { state in
            state.clock += 1
            state.lists[path] = (manifests, state.clock)
            guard state.lists.count > 256 else { return }
            for entry in state.lists.sorted(by: { $0.value.lastUse < $1.value.lastUse }).prefix(128) {
                state.lists[entry.key] = nil
            }
        }
    }
}

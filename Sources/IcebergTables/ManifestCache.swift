import Columnar
import IcebergFormat
import Synchronization

/// An LRU cache of parsed manifests and manifest lists, bounded by approximate memory use.
final class ManifestCache: Sendable {
    static let shared = ManifestCache(byteLimit: 128 << 20)

    private enum Key: Hashable {
        case list(path: String)
        // Entries inherit the sequence number and row ids, so both are part of the key.
        case manifest(path: String, sequenceNumber: Int64, firstRowId: Int64?)

        init(_ manifest: ManifestFile) {
            self = .manifest(
                path: manifest.path,
                sequenceNumber: manifest.sequenceNumber,
                firstRowId: manifest.firstRowId
            )
        }
    }

    private enum Content {
        case list([ManifestFile])
        case entries([ManifestEntry])
    }

    private struct Slot {
        let content: Content
        let bytes: Int
        var lastUse: UInt64
    }

    private struct State {
        var slots: [Key: Slot] = [:]
        var bytes = 0
        var clock: UInt64 = 0

        mutating func use(_ key: Key) -> Content? {
            clock += 1
            guard let index = slots.index(forKey: key) else { return nil }
            slots.values[index].lastUse = clock
            return slots.values[index].content
        }

        mutating func store(_ content: Content, _ bytes: Int, _ key: Key, limit: Int) {
            clock += 1
            let slot = Slot(content: content, bytes: bytes, lastUse: clock)
            self.bytes += bytes - (slots.updateValue(slot, forKey: key)?.bytes ?? 0)
            guard self.bytes > limit else { return }
            // Evict down to half, to amortize the sort.
            for (key, slot) in slots.sorted(by: { $0.value.lastUse < $1.value.lastUse }) {
                if self.bytes <= limit / 2 { break }
                slots[key] = nil
                self.bytes -= slot.bytes
            }
        }
    }

    private let byteLimit: Int
    private let state = Mutex(State())

    init(byteLimit: Int) { self.byteLimit = byteLimit }

    /// Approximate memory use of the cached content.
    var byteCount: Int { state.withLock { $0.bytes } }

    func entries(_ manifest: ManifestFile) -> [ManifestEntry]? {
        guard case .entries(let entries)? = state.withLock({ $0.use(Key(manifest)) }) else { return nil }
        return entries
    }

    func store(_ entries: [ManifestEntry], _ manifest: ManifestFile) {
        store(.entries(entries), entries.reduce(0) { $0 + $1.file.memoryBytes }, Key(manifest))
    }

    func list(_ path: String) -> [ManifestFile]? {
        guard case .list(let manifests)? = state.withLock({ $0.use(.list(path: path)) }) else { return nil }
        return manifests
    }

    func store(_ manifests: [ManifestFile], list path: String) {
        store(.list(manifests), manifests.reduce(0) { $0 + $1.memoryBytes }, .list(path: path))
    }

    /// Content larger than half the limit is not cached.
    private func store(_ content: Content, _ bytes: Int, _ key: Key) {
        guard bytes <= byteLimit / 2 else { return }
        state.withLock { $0.store(content, bytes, key, limit: byteLimit) }
    }
}

/// Approximate overhead of an allocation: header and unused space.
private let allocation = 32

extension DataFile {
    /// Approximate memory use of a parsed entry. Dictionaries are hash tables with spare capacity.
    fileprivate var memoryBytes: Int {
        let counts = columnSizes.count + valueCounts.count + nullValueCounts.count + nanValueCounts.count
        let bounds = lowerBounds.count + upperBounds.count
        var total = MemoryLayout<ManifestEntry>.stride + allocation + path.utf8.count
        total += counts * 32 + bounds * (64 + allocation) + 6 * allocation
        total += lowerBounds.values.reduce(0) { $0 + $1.count } + upperBounds.values.reduce(0) { $0 + $1.count }
        total += partition.count * MemoryLayout<Scalar>.stride + (splitOffsets.count + equalityIds.count) * 8
        for value in partition {
            switch value {
            case .string(let text): total += allocation + text.utf8.count
            case .fixed(let bytes), .binary(let bytes): total += allocation + bytes.count
            default: break
            }
        }
        return total + (keyMetadata?.count ?? 0) + (referencedDataFile?.utf8.count ?? 0)
    }
}

extension ManifestFile {
    fileprivate var memoryBytes: Int {
        let bounds = partitions.reduce(0) { $0 + ($1.lowerBound?.count ?? 0) + ($1.upperBound?.count ?? 0) }
        let summaries = partitions.count * (MemoryLayout<FieldSummary>.stride + 2 * allocation)
        return MemoryLayout<ManifestFile>.stride + allocation + path.utf8.count + summaries + bounds
    }
}

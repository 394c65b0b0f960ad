import Bytes
import Columnar
import Foundation
import IcebergFormat
import IcebergTables

/// How much of the change store is merged into base: for each partition, the highest change-store data sequence number
/// whose effects base contains (spec section 4.5).
///
/// The map of a base snapshot is stored in a Puffin file that is registered as the snapshot's statistics. The newest
/// map is also stored in the table property that readers of Mixed tables use as a fallback. The property
/// `optimized-sequence.registration` selects how the file is registered:
///
/// - `property`, the default: without blob descriptions, and the snapshot is not flagged. PyIceberg cannot open a table
///   whose metadata lists unknown blob types.
/// - `statistics`: with blob descriptions, and the snapshot is flagged, as the format specifies.
///
/// After a flagged snapshot every later one is flagged as well, whatever the property says. Readers of Mixed tables use
/// the nearest flagged snapshot; with an older map they would silently apply merged changes again. Both forms are read,
/// from any writer.
public struct OptimizedSequence: Sendable {
    public static let blobType = "optimized-sequence"
    public static let timeBlobType = "base-optimized-time"
    /// Selects how new maps are registered.
    public static let registrationProperty = "optimized-sequence.registration"
    /// Flags a snapshot whose statistics describe the blob. Only the presence of the key matters, not its value.
    static let summaryKey = "optimized-sequence.exist"
    static let timeSummaryKey = "base-optimized-time.exist"
    /// Marks the snapshots whose Puffin file this writer registered, with or without blob descriptions.
    static let ownSummaryKey = "weir.optimized-sequence.exist"
    /// Holds the newest map, for readers of Mixed tables that find no flagged snapshot.
    public static let property = "table.partition-properties"
    private static let sequenceEntry = "max-txId"
    private static let timeEntry = "base-op-time"

    /// Partition path → sequence; the empty path stands for an unpartitioned table.
    public private(set) var sequences: [String: Int64] = [:]
    /// Partition path → time of the last optimizing commit, milliseconds since 1970.
    public private(set) var times: [String: Int64] = [:]
    private let spec: PartitionSpec
    private let schema: Schema
    /// The same map by partition value: writer versions spell partition paths differently.
    private var entries: [PartitionKey: Entry] = [:]

    private struct Entry {
        var sequence: Int64
        var paths: [String]
    }

    init(_ base: Table, sequences: [String: Int64] = [:], times: [String: Int64] = [:]) {
        spec = base.spec
        schema = base.schema
        self.sequences = sequences
        self.times = times
        for (path, sequence) in sequences {
            guard let key = key(ofPath: path) else { continue }
            var entry = entries[key] ?? Entry(sequence: sequence, paths: [])
            entry.paths.append(path)
            // Two spellings of one partition: the higher sequence is the newer one.
            entry.sequence = max(entry.sequence, sequence)
            entries[key] = entry
        }
    }

    /// The sequence of a partition; 0 when nothing was merged yet.
    ///
    /// - Parameter values: of the table's current partition spec.
    public func sequence(ofPartition values: [Scalar]) -> Int64 {
        if let entry = entries[Self.key(values)] { return entry.sequence }
        // A path that cannot be parsed may still equal the path that this writer builds.
        return sequences.isEmpty ? 0 : sequences[spec.path(for: values)] ?? 0
    }

    /// Records a merge, and removes other spellings of the partition.
    mutating func move(_ path: String, to sequence: Int64, atMilliseconds time: Int64) {
        if let key = key(ofPath: path) {
            for other in entries[key]?.paths ?? [] {
                sequences[other] = nil
                times[other] = nil
            }
            entries[key] = Entry(sequence: sequence, paths: [path])
        }
        sequences[path] = sequence
        times[path] = time
    }

    private func key(ofPath path: String) -> PartitionKey? { spec.values(ofPath: path, schema).map(Self.key) }

    /// Partitions that share a path are one: null and the texts that represent it.
    private static func key(_ values: [Scalar]) -> PartitionKey {
        PartitionKey(
            specId: 0,
            values: values.map { value in
                switch value {
                case .string(let text) where Transform.isNull(pathText: text): .null
                case .date(let days): .int(days)
                default: value
                }
            }
        )
    }

    /// Reads the map for a base snapshot: that of the nearest marked snapshot among it and its ancestors.
    public static func read(_ base: Table, snapshotId: Int64?) throws(WeirError) -> OptimizedSequence {
        let ancestors = base.metadata.ancestors(of: snapshotId)
        for snapshot in ancestors {
            if snapshot.summary[summaryKey] != nil {
                return try read(base, flagged: snapshot) { $0.blobs.contains { $0.type == blobType } }
            }
            if isOwn(snapshot) { return try read(base, flagged: snapshot) { $0.path.contains("/data/puffin/") } }
        }
        // The property describes the newest snapshot. Once Weir has optimized, it does not apply to older snapshots.
        let own = base.metadata.snapshots.filter(isOwn)
        if own.isEmpty { return try fallback(base) }
        guard let oldest = ancestors.last, oldest.hasLostParent else { return OptimizedSequence(base) }
        // After a rollback the property describes what was rolled back.
        if let newer = own.max(by: { $0.sequenceNumber < $1.sequenceNumber }),
            snapshotId == base.metadata.currentSnapshotId, newer.sequenceNumber > oldest.sequenceNumber
        {
            throw WeirError(
                .notFound,
                "what base holds of the changes is not known: it was rolled back to snapshot \(snapshotId ?? 0), and the "
                    + "snapshots before \(oldest.id), which say it, have expired",
                at: base.identifier.description,
                advice:
                    "set main to snapshot \(newer.id) again, with set_current_snapshot of Spark for example; changes "
                    + "to undo belong into the source"
            )
        }
        // An expired ancestor may have been marked.
        if snapshotId == base.metadata.currentSnapshotId { return try fallback(base) }
        throw WeirError(
            .notFound,
            "what base held of the changes at snapshot \(snapshotId ?? 0) is not known: the snapshots before \(oldest.id) "
                + "have expired",
            at: base.identifier.description,
            advice: "read a newer snapshot"
        )
    }

    /// Whether a snapshot has a map of its own.
    static func isRecorded(_ snapshot: Snapshot) -> Bool { snapshot.summary[summaryKey] != nil || isOwn(snapshot) }

    /// Whether this writer registered a map for a snapshot.
    static func isOwn(_ snapshot: Snapshot) -> Bool { snapshot.summary[ownSummaryKey] == "true" }

    private static func read(_ path: String, _ base: Table) throws(WeirError) -> OptimizedSequence {
        let blobs = try PuffinFile.decode(try base.storage.read(path), at: path)
        let found = blobs.filter { $0.type == blobType }
        guard found.count == 1 else {
            throw WeirError(.corrupt, "expects one '\(blobType)' blob, found \(found.count)", at: path)
        }
        let time = blobs.first { $0.type == timeBlobType }
        return OptimizedSequence(
            base,
            sequences: try map(found[0].bytes, path),
            times: try time.map { (blob) throws(WeirError) in try map(blob.bytes, path) } ?? [:]
        )
    }

    private static func read(
        _ base: Table,
        flagged snapshot: Snapshot,
        where holds: (StatisticsFile) -> Bool
    ) throws(WeirError) -> OptimizedSequence {
        let location = "snapshot \(snapshot.id) of \(base.identifier)"
        let files = base.metadata.statistics.filter { $0.snapshotId == snapshot.id && holds($0) }
        guard files.count == 1 else {
            throw WeirError(
                .corrupt,
                "expects one statistics file with the optimized sequence, found \(files.count)",
                at: location,
                advice: "the file may have been expired by another tool; restore it before reading or optimizing"
            )
        }
        return try read(files[0].path, base)
    }

    private static func map(_ data: [UInt8], _ path: String) throws(WeirError) -> [String: Int64] {
        guard let map = try? JSONDecoder().decode([String: Int64].self, from: Data(data)) else {
            throw WeirError(.corrupt, "a blob is not a map of partition to number", at: path)
        }
        return map
    }

    private static func fallback(_ base: Table) throws(WeirError) -> OptimizedSequence {
        let entries = try Self.entries(base)
        return OptimizedSequence(
            base,
            sequences: entries.compactMapValues { $0[sequenceEntry].flatMap { Int64($0) } },
            times: entries.compactMapValues { $0[timeEntry].flatMap { Int64($0) } }
        )
    }

    private static func entries(_ base: Table) throws(WeirError) -> [String: [String: String]] {
        guard let text = base.properties[property] else { return [:] }
        guard let map = try? JSONDecoder().decode([String: [String: String]].self, from: Data(text.utf8)) else {
            throw WeirError(.corrupt, "property \(property) is not a map of maps", at: base.metadataLocation)
        }
        return map
    }

    /// Whether the next snapshot of a table is flagged and its statistics describe their blobs.
    private static func isDescribed(_ base: Table) throws(WeirError) -> Bool {
        if let text = base.properties[registrationProperty] {
            try check(registration: text, of: base.identifier)
            if text == "statistics" { return true }
        }
        return base.metadata.ancestors(of: base.metadata.currentSnapshotId).contains { $0.summary[summaryKey] != nil }
    }

    /// Fails with `invalid` for a value that `optimized-sequence.registration` does not take.
    public static func check(registration text: String, of identifier: TableIdentifier) throws(WeirError) {
        if ["property", "statistics"].contains(text) { return }
        throw WeirError(
            .invalid,
            "property \(registrationProperty) of \(identifier) is '\(text)'",
            advice: "set it to 'property' or 'statistics'"
        )
    }

    /// The summary of the snapshot that advances the sequence.
    static func summary(for base: Table) throws(WeirError) -> [String: String] {
        var summary = [ownSummaryKey: "true"]
        if try isDescribed(base) {
            summary[summaryKey] = "true"
            summary[timeSummaryKey] = "true"
        }
        return summary
    }

    /// The map as the table property for other readers. Other entries that the property holds for a partition are kept.
    /// It is always updated: if the flagged snapshots expire, it is the only copy left.
    func properties(for base: Table) throws(WeirError) -> [String: String] {
        var texts = try Self.entries(base)
        for path in texts.keys where sequences[path] == nil {
            guard let key = key(ofPath: path), entries[key] != nil else { continue }
            texts[path]?[Self.sequenceEntry] = nil
            texts[path]?[Self.timeEntry] = nil
            if texts[path]?.isEmpty == true { texts[path] = nil }
        }
        for (path, sequence) in sequences { texts[path, default: [:]][Self.sequenceEntry] = String(sequence) }
        for (path, time) in times { texts[path, default: [:]][Self.timeEntry] = String(time) }
        return [Self.property: String(decoding: Self.encode(texts), as: UTF8.self)]
    }

    /// Writes the Puffin file that records this map for a new snapshot, below the base store.
    func store(for snapshot: Snapshot, of base: Table, uuid: String) throws(WeirError) -> StatisticsFile {
        let path = "\(base.location)/data/puffin/\(snapshot.id)-\(uuid).puffin"
        let blobs = [(Self.blobType, sequences), (Self.timeBlobType, times)].map { type, map in
            PuffinFile.Blob(
                type: type,
                snapshotId: snapshot.id,
                sequenceNumber: snapshot.sequenceNumber,
                bytes: Self.encode(map)
            )
        }
        let (bytes, footerSize) = PuffinFile.encode(blobs)
        try base.storage.putNew(path, bytes)
        return StatisticsFile(
            snapshotId: snapshot.id,
            path: path,
            fileSize: Int64(bytes.count),
            footerSize: Int64(footerSize),
            blobs: try Self.isDescribed(base) ? blobs.map(\.metadata) : []
        )
    }

    private static func encode(_ map: some Encodable) -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        // Maps of strings to integers or strings always encode.
        return Array((try? encoder.encode(map)) ?? Data("{}".utf8))
    }
}

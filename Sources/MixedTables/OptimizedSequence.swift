import Bytes
import Foundation
import IcebergFormat
import IcebergTables

/// How much of the change store is already in base: per partition the highest change-store data sequence number whose
/// effects base contains (spec section 4.5).
///
/// The map of a base snapshot lies in a Puffin file that is registered as the snapshot's statistics. How it is registered
/// is the table's choice, `optimized-sequence.registration`:
///
/// - `property`, the default: the file is registered without the descriptions of its blobs, and the newest map is also in
///   the table property that readers of Mixed tables fall back to. PyIceberg does not open a table whose metadata lists
///   types of blobs it does not know.
/// - `statistics`: blobs are described and the snapshot is flagged, as the format has it. For tables PyIceberg never sees.
///
/// Both are read, whoever wrote them.
public struct OptimizedSequence: Sendable, Equatable {
    public static let blobType = "optimized-sequence"
    public static let timeBlobType = "base-optimized-time"
    /// Chooses how new maps are registered.
    public static let registrationProperty = "optimized-sequence.registration"
    /// Flags a snapshot whose statistics describe the blob.
    static let summaryKey = "optimized-sequence.exist"
    static let timeSummaryKey = "base-optimized-time.exist"
    /// Flags a snapshot whose Puffin file is registered without descriptions.
    static let undescribedSummaryKey = "weir.optimized-sequence.exist"
    /// The newest map as readers of Mixed tables look for it when no snapshot is flagged.
    static let property = "table.partition-properties"
    private static let sequenceEntry = "max-txId"
    private static let timeEntry = "base-op-time"

    /// Partition path → sequence; the empty path is the whole of an unpartitioned table.
    public var sequences: [String: Int64] = [:]
    /// Partition path → time of the last optimizing commit, milliseconds since 1970.
    public var times: [String: Int64] = [:]

    /// 0 where nothing was merged yet.
    public func sequence(ofPartition path: String) -> Int64 { sequences[path] ?? 0 }

    /// Reads the map that holds for a base snapshot: that of the nearest marked one among it and its ancestors.
    public static func read(_ base: Table, snapshotId: Int64?) throws(WeirError) -> OptimizedSequence {
        var current = snapshotId
        while let id = current {
            guard let snapshot = base.metadata.snapshot(id: id) else { break }
            if snapshot.summary[summaryKey]?.lowercased() == "true" {
                return try read(base, flagged: snapshot) { $0.blobs.contains { $0.type == blobType } }
            }
            if snapshot.summary[undescribedSummaryKey] == "true" {
                return try read(base, flagged: snapshot) { $0.path.contains("/data/puffin/") }
            }
            current = snapshot.parentId
        }
        // The property is about the newest snapshot: once Weir has optimized, it says nothing about older ones.
        let isOurs = base.metadata.snapshots.contains { $0.summary[undescribedSummaryKey] == "true" }
        return isOurs ? OptimizedSequence() : try fallback(base)
    }

    private static func read(_ path: String, _ base: Table) throws(WeirError) -> OptimizedSequence {
        let blobs = try PuffinFile.decode(try base.storage.read(path), at: path)
        var result = OptimizedSequence()
        let found = blobs.filter { $0.type == blobType }
        guard found.count == 1 else {
            throw WeirError(.corrupt, "expects one '\(blobType)' blob, found \(found.count)", at: path)
        }
        result.sequences = try map(found[0].bytes, path)
        if let time = blobs.first(where: { $0.type == timeBlobType }) { result.times = try map(time.bytes, path) }
        return result
    }

    private static func read(
        _ base: Table,
        flagged snapshot: Snapshot,
        where holds: (StatisticsFile) -> Bool
    ) throws(WeirError) -> OptimizedSequence {
        let place = "snapshot \(snapshot.id) of \(base.identifier)"
        let files = base.metadata.statistics.filter { $0.snapshotId == snapshot.id && holds($0) }
        guard files.count == 1 else {
            throw WeirError(
                .corrupt,
                "expects one statistics file with the optimized sequence, found \(files.count)",
                at: place,
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
        var result = OptimizedSequence()
        for (path, entries) in try entries(base) {
            result.sequences[path] = entries[sequenceEntry].flatMap { Int64($0) }
            result.times[path] = entries[timeEntry].flatMap { Int64($0) }
        }
        return result
    }

    private static func entries(_ base: Table) throws(WeirError) -> [String: [String: String]] {
        guard let text = base.properties[property] else { return [:] }
        guard let map = try? JSONDecoder().decode([String: [String: String]].self, from: Data(text.utf8)) else {
            throw WeirError(.corrupt, "property \(property) is not a map of maps", at: base.metadataLocation)
        }
        return map
    }

    /// Whether a table's metadata may describe the blobs.
    private static func isDescribed(_ base: Table) throws(WeirError) -> Bool {
        switch base.properties[registrationProperty] {
        case nil, "property": return false
        case "statistics": return true
        case .some(let text):
            throw WeirError(
                .invalid,
                "property \(registrationProperty) of \(base.identifier) is '\(text)'",
                advice: "set it to 'property' or 'statistics'"
            )
        }
    }

    /// What the summary of the snapshot that moves the sequence says.
    static func summary(for base: Table) throws(WeirError) -> [String: String] {
        try isDescribed(base)
            ? [summaryKey: "true", timeSummaryKey: "true"] : [undescribedSummaryKey: "true"]
    }

    /// The map as the property other readers look at, which may hold more about a partition.
    func properties(for base: Table) throws(WeirError) -> [String: String] {
        if try Self.isDescribed(base) { return [:] }
        var entries = try Self.entries(base)
        for (path, sequence) in sequences { entries[path, default: [:]][Self.sequenceEntry] = String(sequence) }
        for (path, time) in times { entries[path, default: [:]][Self.timeEntry] = String(time) }
        return [Self.property: String(decoding: Self.encode(entries), as: UTF8.self)]
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

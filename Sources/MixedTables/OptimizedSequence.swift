import Bytes
import Foundation
import IcebergFormat
import IcebergTables

/// How much of the change store is already in base: per partition the highest change-store data sequence number whose
/// effects base contains (spec section 4.5).
///
/// Weir keeps the map of a base snapshot in a Puffin file that the snapshot's summary names. The file is registered as
/// statistics, so that nobody takes it for an orphan, but without the descriptions of its blobs: PyIceberg refuses to
/// open a table that lists types of blobs it does not know. Other readers of Mixed tables find the newest map in the
/// property they fall back to. Maps that other writers registered with their blobs are read where they are nearest.
public struct OptimizedSequence: Sendable, Equatable {
    public static let blobType = "optimized-sequence"
    public static let timeBlobType = "base-optimized-time"
    /// The path of a snapshot's Puffin file.
    public static let fileSummaryKey = "weir.optimized-sequence.file"
    /// How other writers say that a registered statistics file holds the map.
    static let summaryKey = "optimized-sequence.exist"
    /// The newest map as readers of Mixed tables look for it when no snapshot is marked by `summaryKey`.
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
            if let path = snapshot.summary[fileSummaryKey] { return try read(path, base) }
            if snapshot.summary[summaryKey]?.lowercased() == "true" { return try read(base, flagged: snapshot) }
            current = snapshot.parentId
        }
        // The property is about the newest snapshot: once Weir has optimized, it says nothing about older ones.
        if base.metadata.snapshots.contains(where: { $0.summary[fileSummaryKey] != nil }) { return OptimizedSequence() }
        return try fallback(base)
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

    private static func read(_ base: Table, flagged snapshot: Snapshot) throws(WeirError) -> OptimizedSequence {
        let place = "snapshot \(snapshot.id) of \(base.identifier)"
        let files = base.metadata.statistics.filter { file in
            file.snapshotId == snapshot.id && file.blobs.contains { $0.type == blobType }
        }
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

    /// The map as the property other readers look at, which may hold more about a partition.
    func properties(for base: Table) throws(WeirError) -> [String: String] {
        var entries = try Self.entries(base)
        for (path, sequence) in sequences { entries[path, default: [:]][Self.sequenceEntry] = String(sequence) }
        for (path, time) in times { entries[path, default: [:]][Self.timeEntry] = String(time) }
        return [Self.property: String(decoding: Self.encode(entries), as: UTF8.self)]
    }

    /// Where the map of a new snapshot of a base store goes.
    static func newPath(in base: Table) -> String {
        "\(base.location)/data/puffin/\(UUID().uuidString.lowercased()).puffin"
    }

    /// Writes the Puffin file that records this map for a new snapshot.
    func store(for snapshot: Snapshot, of base: Table, at path: String) throws(WeirError) -> StatisticsFile {
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
            blobs: []
        )
    }

    private static func encode(_ map: some Encodable) -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        // Maps of strings to integers or strings always encode.
        return Array((try? encoder.encode(map)) ?? Data("{}".utf8))
    }
}

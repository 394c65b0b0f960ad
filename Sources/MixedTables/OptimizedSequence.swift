import Bytes
import Foundation
import IcebergFormat
import IcebergTables

/// How much of the change store is already in base: per partition the highest change-store data sequence number whose
/// effects base contains (spec section 4.5).
public struct OptimizedSequence: Sendable, Equatable {
    public static let blobType = "optimized-sequence"
    public static let timeBlobType = "base-optimized-time"
    public static let summaryKey = "optimized-sequence.exist"
    public static let timeSummaryKey = "base-optimized-time.exist"
    /// Where releases up to 0.5.0 kept the same numbers.
    static let legacyProperty = "table.partition-properties"

    /// Partition path → sequence; the empty path is the whole of an unpartitioned table.
    public var sequences: [String: Int64] = [:]
    /// Partition path → time of the last optimizing commit, milliseconds since 1970.
    public var times: [String: Int64] = [:]

    /// 0 where nothing was merged yet.
    public func sequence(ofPartition path: String) -> Int64 { sequences[path] ?? 0 }

    /// Reads the map that holds for a base snapshot: the nearest flagged snapshot among it and its ancestors.
    public static func read(_ base: Table, snapshotId: Int64?) throws(WeirError) -> OptimizedSequence {
        var current = snapshotId
        while let id = current {
            guard let snapshot = base.metadata.snapshot(id: id) else { break }
            if snapshot.summary[summaryKey]?.lowercased() == "true" { return try read(base, flagged: snapshot) }
            current = snapshot.parentId
        }
        return try legacy(base)
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
        let blobs = try PuffinFile.decode(try base.storage.read(files[0].path), at: files[0].path)
        var result = OptimizedSequence()
        let found = blobs.filter { $0.type == blobType }
        guard found.count == 1 else {
            throw WeirError(.corrupt, "expects one '\(blobType)' blob, found \(found.count)", at: files[0].path)
        }
        result.sequences = try map(found[0].bytes, files[0].path)
        if let time = blobs.first(where: { $0.type == timeBlobType }) {
            result.times = try map(time.bytes, files[0].path)
        }
        return result
    }

    private static func map(_ data: [UInt8], _ path: String) throws(WeirError) -> [String: Int64] {
        guard let map = try? JSONDecoder().decode([String: Int64].self, from: Data(data)) else {
            throw WeirError(.corrupt, "a blob is not a map of partition to number", at: path)
        }
        return map
    }

    private static func legacy(_ base: Table) throws(WeirError) -> OptimizedSequence {
        guard let text = base.properties[legacyProperty] else { return OptimizedSequence() }
        guard let map = try? JSONDecoder().decode([String: [String: String]].self, from: Data(text.utf8)) else {
            throw WeirError(.corrupt, "property \(legacyProperty) is not a map of maps", at: base.metadataLocation)
        }
        var result = OptimizedSequence()
        for (path, properties) in map {
            result.sequences[path] = properties["max-txId"].flatMap { Int64($0) }
            result.times[path] = properties["base-op-time"].flatMap { Int64($0) }
        }
        return result
    }

    /// The Puffin file that records this map for a new snapshot, written below the base store.
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
            blobs: blobs.map(\.metadata)
        )
    }

    private static func encode(_ map: [String: Int64]) -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        // A map of strings to integers always encodes.
        return Array((try? encoder.encode(map)) ?? Data("{}".utf8))
    }
}

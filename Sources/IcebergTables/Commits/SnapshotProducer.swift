import Bytes
import IcebergFormat
import ObjectStorage
import Values

/// Turns one change into a snapshot: writes its manifests once and its manifest list on every attempt.
///
/// Entries of new files inherit their sequence number, so their manifests stay valid on every retry. Manifests
/// rewritten from others stay valid while the next attempt's base still has the originals.
final class SnapshotProducer {
    private let change: SnapshotChange
    private let storage: any ObjectStorage
    private let store: ManifestStore
    private let clock: TransactionClock
    private let commitId = MetadataPath.uuid()
    private var snapshotId: Int64 = 0
    private var fileNumber = 0
    /// Every manifest written by this producer, by path.
    private var written: [String: (file: ManifestFile, entries: [ManifestEntry])] = [:]
    private var newManifests: [ManifestFile]?
    /// By the original's path. After an upgrade another commit may have given it row ids since.
    private var filtered: [String: (file: ManifestFile, removed: [DataFile], firstRowId: Int64?)] = [:]
    private var merged: [[String]: [ManifestFile]] = [:]
    /// The manifest list of the last attempt.
    private var lastList: (path: String, manifests: [ManifestFile])?

    init(_ change: SnapshotChange, _ storage: any ObjectStorage, _ clock: TransactionClock) {
        self.change = change
        self.storage = storage
        self.clock = clock
        store = ManifestStore(storage: storage)
    }

    /// Adds the snapshot to main and returns the path of its manifest list.
    ///
    /// - Parameter further: entries of the summary, where the change has none of that name.
    func apply(
        to builder: inout TableMetadataBuilder,
        _ attempt: Int,
        summary further: [String: String] = [:]
    ) throws(WeirError) -> String {
        let metadata = builder.metadata
        guard metadata.formatVersion > 1 else {
            throw WeirError(
                .unsupported,
                "the table is of format version 1, and Weir writes versions 2 and 3",
                at: metadata.location,
                advice: "have the engine that owns the table upgrade it to version 2: format-version=2"
            )
        }
        try change.checkDeletes(formatVersion: metadata.formatVersion, at: metadata.location)
        while snapshotId == 0 || (newManifests == nil && metadata.snapshot(id: snapshotId) != nil) {
            snapshotId = Int64(clock.random() & UInt64(Int64.max))
        }
        let parent = metadata.currentSnapshot
        let (sequenceNumber, overflow) = metadata.lastSequenceNumber.addingReportingOverflow(1)
        guard !overflow else {
            throw WeirError(.corrupt, "there is no sequence number after \(Int64.max)", at: metadata.location)
        }
        var summary = SnapshotSummary()
        for file in change.added + change.addedDeletes { summary.add(file) }
        var kept: [ManifestFile] = []
        if let parent {
            kept = try store.manifests(of: parent).map { (manifest) throws(WeirError) in
                try store.withLeastSequence(try counted(manifest, metadata), metadata)
            }
        }
        if change.removesFiles {
            kept = try removeFiles(from: kept, metadata, &summary)
        }
        try CommitValidation(change, metadata, store).check()
        let fresh = try writeNewManifests(metadata)
        let all = (fresh + kept).filter { $0.mayHaveLiveFiles || $0.addedSnapshotId == snapshotId }
        var manifests = try merge(all, metadata).map { $0.assigned(sequenceNumber) }
        // Ids are a commit's own: another attempt may begin at others.
        let firstRowId = metadata.formatVersion > 2 ? metadata.nextRowId ?? 0 : nil
        var addedRows: Int64?
        if let firstRowId { addedRows = try manifests.assignRowIds(from: firstRowId) - firstRowId }
        var entries = change.summary.merging(summary.entries(after: parent)) { $1 }
        for make in change.summaryEntries { entries.merge(try make(metadata)) { $1 } }
        entries.merge(further) { own, _ in own }
        let path = MetadataPath.manifestList(
            in: metadata,
            snapshotId: snapshotId,
            attempt: attempt,
            commit: commitId
        )
        let bytes = try ManifestList.encode(
            manifests,
            snapshotId: snapshotId,
            parentId: parent?.id,
            sequenceNumber: sequenceNumber,
            firstRowId: firstRowId
        )
        try storage.putNew(path, bytes)
        lastList = (path, manifests)
        let snapshot = Snapshot(
            id: snapshotId,
            parentId: parent?.id,
            sequenceNumber: sequenceNumber,
            timestampMs: max(clock.nowMs(), metadata.lastUpdatedMs),
            manifestList: path,
            operation: change.inferredOperation(fallback: .append).rawValue,
            summary: entries,
            schemaId: metadata.currentSchemaId,
            firstRowId: firstRowId,
            addedRows: addedRows
        )
        let main = metadata.references[TableMetadata.mainBranch]
        let moved = try main?.moved(to: snapshotId) ?? SnapshotReference(branch: snapshotId)
        try builder.apply(.addSnapshot(snapshot))
        try builder.apply(.setReference(name: TableMetadata.mainBranch, moved))
        return path
    }

    /// Called after the commit is visible. Deletes written manifests that the commit does not use and caches the
    /// others.
    func finish() {
        guard let lastList else { return }
        let used = Set(lastList.manifests.map(\.path))
        for path in written.keys where !used.contains(path) { try? storage.delete(path) }
        ManifestCache.shared.store(lastList.manifests, list: lastList.path)
        for manifest in lastList.manifests {
            guard let own = written[manifest.path] else { continue }
            var entries = own.entries.map { entry in
                var entry = entry
                entry.dataSequenceNumber = entry.dataSequenceNumber ?? manifest.sequenceNumber
                entry.fileSequenceNumber = entry.fileSequenceNumber ?? manifest.sequenceNumber
                return entry
            }
            // An error of it was thrown before the commit; a manifest that is not in the cache is read.
            guard manifest.content == .deletes || (try? entries.assignRowIds(from: manifest.firstRowId)) != nil else {
                continue
            }
            ManifestCache.shared.store(entries, manifest)
        }
    }

    /// Called if the commit certainly did not happen. Deletes the written manifests.
    func abandon() {
        for path in written.keys { try? storage.delete(path) }
        written = [:]
    }

    // MARK: - Writing

    private func write(
        _ entries: [ManifestEntry],
        _ content: ManifestFile.Content,
        specId: Int,
        _ metadata: TableMetadata
    ) throws(WeirError) -> ManifestFile {
        guard let spec = metadata.spec(id: specId) else {
            throw WeirError(.invalid, "a file has the unknown partition spec \(specId)", at: entries.first?.file.path)
        }
        var encoder = ManifestEncoder(
            spec: spec,
            schema: metadata.currentSchema,
            partitionType: metadata.partitionType(spec),
            content: content,
            snapshotId: snapshotId,
            formatVersion: metadata.formatVersion
        )
        for entry in entries { try encoder.append(entry) }
        let path = MetadataPath.manifest(in: metadata, commit: commitId, number: fileNumber)
        fileNumber += 1
        let (bytes, file) = try encoder.finish(path: path)
        written[path] = (file, entries)
        try storage.putNew(path, bytes)
        return file
    }

    private func writeNewManifests(_ metadata: TableMetadata) throws(WeirError) -> [ManifestFile] {
        if let newManifests { return newManifests }
        var manifests: [ManifestFile] = []
        for (content, files) in [(ManifestFile.Content.data, change.added), (.deletes, change.addedDeletes)] {
            for file in files where (file.content == .data) != (content == .data) {
                throw WeirError(
                    .invalid,
                    "a file of content \(file.content) is added among the wrong ones",
                    at: file.path
                )
            }
            let groups = Dictionary(grouping: files, by: \.specId)
            for (specId, files) in groups.sorted(by: { $0.key < $1.key }) {
                let sequence = content == .data ? change.dataSequenceNumber : nil
                let entries = files.map {
                    ManifestEntry(status: .added, snapshotId: snapshotId, dataSequenceNumber: sequence, file: $0)
                }
                // Split large manifests, so that readers can read them in parallel and skip some.
                for start in stride(from: 0, to: entries.count, by: Self.filesPerManifest) {
                    let part = Array(entries[start..<min(start + Self.filesPerManifest, entries.count)])
                    manifests.append(try write(part, content, specId: specId, metadata))
                }
            }
        }
        newManifests = manifests
        return manifests
    }

    private static let filesPerManifest = 10_000

    /// Fills in counts that version 1 writers may omit. A version 2 manifest list requires them.
    private func counted(_ manifest: ManifestFile, _ metadata: TableMetadata) throws(WeirError) -> ManifestFile {
        guard
            manifest.addedFiles == nil || manifest.existingFiles == nil || manifest.deletedFiles == nil
                || manifest.addedRows == nil || manifest.existingRows == nil || manifest.deletedRows == nil
        else { return manifest }
        var files = [0, 0, 0]
        var rows: [Int64] = [0, 0, 0]
        for entry in try store.entries(of: manifest, metadata) {
            files[entry.status.rawValue] += 1
            let status = entry.status.rawValue
            rows[status] = rows[status].addingClamped(entry.file.recordCount)
        }
        var result = manifest
        (result.existingFiles, result.addedFiles, result.deletedFiles) = (files[0], files[1], files[2])
        (result.existingRows, result.addedRows, result.deletedRows) = (rows[0], rows[1], rows[2])
        return result
    }

    // MARK: - Removing

    private func removeFiles(
        from manifests: [ManifestFile],
        _ metadata: TableMetadata,
        _ summary: inout SnapshotSummary
    ) throws(WeirError) -> [ManifestFile] {
        let data = FileSet(change.removed, paths: change.removedPaths)
        let deletes = FileSet(change.removedDeletes, paths: [])
        var found: Set<DataFile.ContentLocation> = []
        var result: [ManifestFile] = []
        for manifest in manifests {
            let wanted = manifest.content == .data ? data : deletes
            // A data file takes its deletion vector with it (spec, "Row-level deletes").
            let hasVectors = manifest.content == .deletes && metadata.formatVersion > 2
            func isRemoved(_ entry: ManifestEntry) -> Bool {
                entry.isLive && (wanted.contains(entry.file) || hasVectors && data.isVectorOfOne(entry.file))
            }
            if let known = filtered[manifest.path], known.firstRowId == manifest.firstRowId {
                result.append(known.file)
                for file in known.removed {
                    found.insert(file.contentLocation)
                    summary.remove(file)
                }
                continue
            }
            var mayTouch = try wanted.mayTouch(manifest, metadata)
            if hasVectors, !mayTouch { mayTouch = try data.mayTouch(manifest, metadata) }
            guard manifest.mayHaveLiveFiles, mayTouch else {
                result.append(manifest)
                continue
            }
            let entries = try store.entries(of: manifest, metadata)
            guard entries.contains(where: isRemoved) else {
                result.append(manifest)
                continue
            }
            var removed: [DataFile] = []
            var rest: [ManifestEntry] = []
            for var entry in entries where entry.isLive {
                if isRemoved(entry) {
                    entry.status = .deleted
                    entry.snapshotId = snapshotId
                    removed.append(entry.file)
                } else {
                    entry.status = .existing
                }
                rest.append(entry)
            }
            if let spec = metadata.spec(id: manifest.specId), !metadata.canWriteManifests(of: spec) {
                throw WeirError(
                    .unsupported,
                    "a file cannot be replaced in partitions of a transform that this version does not know: "
                        + spec.fields.map { "\($0.transform)" }.joined(separator: ", "),
                    at: manifest.path,
                    advice: "have the engine that wrote these partitions rewrite them"
                )
            }
            let file = try write(rest, manifest.content, specId: manifest.specId, metadata)
            filtered[manifest.path] = (file, removed, manifest.firstRowId)
            result.append(file)
            for file in removed {
                found.insert(file.contentLocation)
                summary.remove(file)
            }
        }
        let missing = data.locations.union(deletes.locations).subtracting(found)
        if let missing = missing.map(\.path).min() {
            throw WeirError(
                .conflict,
                "a file to be replaced is no longer part of the table",
                at: missing,
                advice: "another writer replaced it; plan again from the current snapshot"
            )
        }
        return result
    }

    // MARK: - Merging

    private func merge(_ manifests: [ManifestFile], _ metadata: TableMetadata) throws(WeirError) -> [ManifestFile] {
        guard let merging = ManifestMerging(metadata.properties) else { return manifests }
        var result: [ManifestFile] = []
        for content in [ManifestFile.Content.data, .deletes] {
            let ofContent = manifests.filter { $0.content == content }
            let groups = Dictionary(grouping: ofContent, by: \.specId)
            for (specId, group) in groups.sorted(by: { $0.key > $1.key }) {
                guard let spec = metadata.spec(id: specId), metadata.canWriteManifests(of: spec),
                    let chosen = merging.choice(among: group)
                else {
                    result += group
                    continue
                }
                let bin = chosen.map { group[$0] }
                let joined = try join(bin, content, specId: specId, metadata)
                let rest = group.indices.filter { !chosen.contains($0) }.map { group[$0] }
                result += joined + rest
            }
        }
        return result
    }

    private func join(
        _ bin: [ManifestFile],
        _ content: ManifestFile.Content,
        specId: Int,
        _ metadata: TableMetadata
    ) throws(WeirError) -> [ManifestFile] {
        let key = bin.map { "\($0.path) \($0.firstRowId ?? -1)" }
        if let known = merged[key] { return known }
        var entries: [ManifestEntry] = []
        for manifest in bin {
            let source: [ManifestEntry]
            if let own = written[manifest.path] {
                source = own.entries
            } else {
                source = try store.entries(of: manifest, metadata)
            }
            for var entry in source {
                // Keep the status of entries that this snapshot changed; drop entries deleted by earlier snapshots.
                if entry.snapshotId != snapshotId {
                    if entry.status == .deleted { continue }
                    entry.status = .existing
                }
                entries.append(entry)
            }
        }
        let file = try write(entries, content, specId: specId, metadata)
        merged[key] = [file]
        return [file]
    }
}

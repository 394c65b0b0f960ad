import Bytes
import Columnar

/// Reads manifests, whatever schema their writer used: fields are matched by id, unknown ones skipped.
public enum Manifest {
    /// The entries of a manifest, with all inherited values filled in.
    ///
    /// - Parameters:
    ///   - manifest: the manifest's entry in the manifest list; its path is used in errors.
    ///   - partitionType: the partition type of the manifest's spec.
    public static func decode(
        _ bytes: [UInt8],
        _ manifest: ManifestFile,
        partitionType: Schema
    ) throws(WeirError) -> [ManifestEntry] {
        var entries: [ManifestEntry] = []
        do throws(WeirError) {
            try AvroFile.read(bytes) { (header) throws(WeirError) in
                try check(header, manifest)
            } record: { (type, reader) throws(WeirError) in
                var entry = try decodeEntry(type, &reader, manifest.specId, partitionType)
                if (manifest.content == .data) != (entry.file.content == .data) {
                    throw WeirError(
                        .corrupt,
                        manifest.content == .data
                            ? "a manifest of data files lists a delete file"
                            : "a manifest of delete files lists a data file",
                        at: entry.file.path
                    )
                }
                try entry.inherit(from: manifest)
                entries.append(entry)
            }
            if manifest.content == .data { try entries.assignRowIds(from: manifest.firstRowId) }
        } catch {
            throw error.located(at: manifest.path)
        }
        return entries
    }

    /// The partition spec id in the manifest's header; nil if the header has none.
    public static func partitionSpecId(_ bytes: [UInt8], at path: String) throws(WeirError) -> Int? {
        var specId: Int?
        do throws(WeirError) {
            try AvroFile.read(bytes) { (header) throws(WeirError) in
                specId = header.partitionSpecId
            } record: { (type, reader) throws(WeirError) in
                try reader.skip(type)
            }
        } catch {
            throw error.located(at: path)
        }
        return specId
    }

    /// Checks that the manifest's header matches its entry in the manifest list.
    private static func check(_ header: AvroFile.Header, _ manifest: ManifestFile) throws(WeirError) {
        if let content = header.text("content"), content != (manifest.content == .data ? "data" : "deletes") {
            throw WeirError(
                .corrupt,
                "the manifest holds '\(content)', but the manifest list says '\(manifest.content)'"
            )
        }
        if let specId = header.partitionSpecId, specId != manifest.specId {
            throw WeirError(
                .corrupt,
                "the manifest was written with partition spec \(specId), but the manifest list says \(manifest.specId)"
            )
        }
    }

    private static func decodeEntry(
        _ type: AvroType,
        _ reader: inout ByteReader,
        _ specId: Int,
        _ partitionType: Schema
    ) throws(WeirError) -> ManifestEntry {
        guard case .record(let fields) = type else { throw WeirError(.corrupt, "a manifest holds no records") }
        var status: ManifestEntry.Status?
        var snapshotId: Int64?
        var dataSequence: Int64?
        var fileSequence: Int64?
        var file: DataFile?
        for field in fields {
            switch field.resolvedId(entryNames) {
            case 0:
                guard let value = try reader.readLong(field.type), 0...2 ~= value else {
                    throw WeirError(.corrupt, "a manifest entry has an unknown status")
                }
                status = ManifestEntry.Status(rawValue: Int(value))
            case 1: snapshotId = try reader.readLong(field.type)
            case 2:
                guard let branch = try reader.readBranch(field.type) else { continue }
                file = try decodeFile(branch, &reader, specId, partitionType)
            case 3: dataSequence = try reader.readLong(field.type)
            case 4: fileSequence = try reader.readLong(field.type)
            default: try reader.skip(field.type)
            }
        }
        guard let status, let file else { throw WeirError(.corrupt, "a manifest entry lacks its status or its file") }
        return ManifestEntry(
            status: status,
            snapshotId: snapshotId,
            dataSequenceNumber: dataSequence,
            fileSequenceNumber: fileSequence,
            file: file
        )
    }

    private static let entryNames = [
        "status": 0, "snapshot_id": 1, "data_file": 2, "sequence_number": 3, "file_sequence_number": 4,
    ]

    private static func decodeFile(
        _ type: AvroType,
        _ reader: inout ByteReader,
        _ specId: Int,
        _ partitionType: Schema
    ) throws(WeirError) -> DataFile {
        guard case .record(let fields) = type else { throw WeirError(.corrupt, "a manifest entry's file is no record") }
        var file = DataFile(path: "", specId: specId, recordCount: -1, fileSize: -1)
        for field in fields {
            let type = field.type
            switch field.resolvedId(fileNames) {
            case 134:
                guard let value = try reader.readLong(type),
                    let content = DataFile.Content(rawValue: Int(truncatingIfNeeded: value))
                else { throw WeirError(.corrupt, "a file has an unknown content") }
                file.content = content
            case 100: file.path = try reader.readText(type) ?? ""
            case 101:
                let name = try reader.readText(type) ?? ""
                guard let format = DataFile.Format(rawValue: name.lowercased()) else {
                    throw WeirError(
                        .unsupported,
                        "a file of the table is of format '\(name)', and Weir reads Parquet only",
                        at: file.path
                    )
                }
                file.format = format
            case 102: file.partition = try decodePartition(type, &reader, partitionType)
            case 103: file.recordCount = try reader.readLong(type) ?? -1
            case 104: file.fileSize = try reader.readLong(type) ?? -1
            case 108: file.columnSizes = try decodeCounts(type, &reader)
            case 109: file.valueCounts = try decodeCounts(type, &reader)
            case 110: file.nullValueCounts = try decodeCounts(type, &reader)
            case 137: file.nanValueCounts = try decodeCounts(type, &reader)
            case 125: file.lowerBounds = try decodeBounds(type, &reader)
            case 128: file.upperBounds = try decodeBounds(type, &reader)
            case 131: file.keyMetadata = try reader.readBinary(type)
            case 132:
                try reader.readArray(type) { (item, reader) throws(WeirError) in
                    if let offset = try reader.readLong(item) { file.splitOffsets.append(offset) }
                }
            case 135:
                try reader.readArray(type) { (item, reader) throws(WeirError) in
                    if let id = try reader.readLong(item) { file.equalityIds.append(try narrow(id)) }
                }
            case 140: if let id = try reader.readLong(type) { file.sortOrderId = try narrow(id) }
            case 142: file.firstRowId = try reader.readLong(type)
            case 143: file.referencedDataFile = try reader.readText(type)
            case 144: file.contentOffset = try reader.readLong(type)
            case 145: file.contentSize = try reader.readLong(type)
            default: try reader.skip(type)
            }
        }
        guard !file.path.isEmpty, file.recordCount >= 0, file.fileSize >= 0 else {
            throw WeirError(.corrupt, "a file lacks its path, record count or size", at: file.path)
        }
        guard file.partition.count == partitionType.count else {
            throw WeirError(.corrupt, "a file of a partitioned table has no partition", at: file.path)
        }
        return file
    }

    private static let fileNames = [
        "content": 134, "file_path": 100, "file_format": 101, "partition": 102, "record_count": 103,
        "file_size_in_bytes": 104, "column_sizes": 108, "value_counts": 109, "null_value_counts": 110,
        "nan_value_counts": 137, "lower_bounds": 125, "upper_bounds": 128, "key_metadata": 131, "split_offsets": 132,
        "equality_ids": 135, "sort_order_id": 140, "referenced_data_file": 143,
    ]

    static func narrow(_ value: Int64) throws(WeirError) -> Int {
        guard let narrow = Int32(exactly: value) else { throw WeirError(.corrupt, "\(value) is not a 32-bit number") }
        return Int(narrow)
    }

    /// Partition values in the order of the spec, matched by field id; fields missing in the file are null.
    private static func decodePartition(
        _ type: AvroType,
        _ reader: inout ByteReader,
        _ partitionType: Schema
    ) throws(WeirError) -> [Scalar] {
        var values = [Scalar](repeating: .null, count: partitionType.count)
        guard let branch = try reader.readBranch(type) else { return values }
        guard case .record(let fields) = branch else { throw WeirError(.corrupt, "a partition is no record") }
        for field in fields {
            let index = field.id.flatMap { partitionType.index(ofField: $0) } ?? partitionType.index(named: field.name)
            guard let index else {
                try reader.skip(field.type)
                continue
            }
            values[index] = try reader.readScalar(field.type, as: partitionType.fields[index].type)
        }
        return values
    }

    private static func decodeCounts(
        _ type: AvroType,
        _ reader: inout ByteReader
    ) throws(WeirError) -> [Int: Int64] {
        var counts: [Int: Int64] = [:]
        try decodePairs(type, &reader) { (key, value, reader) throws(WeirError) in
            if let count = try reader.readLong(value) { counts[key] = count }
        }
        return counts
    }

    private static func decodeBounds(
        _ type: AvroType,
        _ reader: inout ByteReader
    ) throws(WeirError) -> [Int: [UInt8]] {
        var bounds: [Int: [UInt8]] = [:]
        try decodePairs(type, &reader) { (key, value, reader) throws(WeirError) in
            if let bound = try reader.readBinary(value) { bounds[key] = bound }
        }
        return bounds
    }

    /// A map with integer keys: an array of key-value records.
    private static func decodePairs(
        _ type: AvroType,
        _ reader: inout ByteReader,
        _ pair: (Int, AvroType, inout ByteReader) throws(WeirError) -> Void
    ) throws(WeirError) {
        try reader.readArray(type) { (item, reader) throws(WeirError) in
            guard case .record(let fields) = item, fields.count == 2, fields[0].name == "key" else {
                throw WeirError(.corrupt, "a column map is no array of keys and values", at: "byte \(reader.offset)")
            }
            let key = try narrow(try reader.readLong(fields[0].type) ?? -1)
            try pair(key, fields[1].type, &reader)
        }
    }
}

extension AvroField {
    /// The Iceberg field id. Files of writers that omit the ids are resolved by name.
    func resolvedId(_ names: [String: Int]) -> Int { id ?? names[name] ?? -1 }
}

extension AvroFile.Header {
    fileprivate var partitionSpecId: Int? { text("partition-spec-id").flatMap { Int($0) } }
}

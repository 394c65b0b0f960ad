import Bytes

/// The manifests of one snapshot.
public enum ManifestList {
    /// - Parameter path: the path used in errors.
    public static func decode(_ bytes: [UInt8], at path: String) throws(WeirError) -> [ManifestFile] {
        var manifests: [ManifestFile] = []
        var paths: Set<String> = []
        do throws(WeirError) {
            try AvroFile.read(bytes) { (header) throws(WeirError) in
                try checkSequenceNumbers(header)
            } record: { (type, reader) throws(WeirError) in
                let manifest = try decodeFile(type, &reader)
                guard paths.insert(manifest.path).inserted else {
                    throw WeirError(
                        .corrupt,
                        "the manifest list names a manifest twice, which would double its rows",
                        at: manifest.path
                    )
                }
                manifests.append(manifest)
            }
        } catch {
            throw error.located(at: path)
        }
        return manifests
    }

    /// The snapshot that a manifest list was written for, as its header says.
    public struct Origin: Sendable, Equatable {
        public let snapshotId: Int64
        public let parentId: Int64?
        /// 0 where the header has none, as in format version 1.
        public let sequenceNumber: Int64
    }

    /// Also tells which snapshot the list was written for; nil if its header does not say.
    public static func decodeWithOrigin(
        _ bytes: [UInt8],
        at path: String
    ) throws(WeirError) -> (manifests: [ManifestFile], origin: Origin?) {
        var origin: Origin?
        do throws(WeirError) {
            try AvroFile.read(bytes) { (header) throws(WeirError) in
                guard let id = header.text("snapshot-id").flatMap({ Int64($0) }) else { return }
                origin = Origin(
                    snapshotId: id,
                    parentId: header.text("parent-snapshot-id").flatMap { Int64($0) },
                    sequenceNumber: header.text("sequence-number").flatMap { Int64($0) } ?? 0
                )
            } record: { (type, reader) throws(WeirError) in
                try reader.skip(type)
            }
        } catch {
            throw error.located(at: path)
        }
        return (try decode(bytes, at: path), origin)
    }

    /// Version 1 has no sequence numbers. In later versions they are required to tell which files a delete applies to.
    private static func checkSequenceNumbers(_ header: AvroFile.Header) throws(WeirError) {
        guard let version = header.text("format-version").flatMap({ Int($0) }), version > 1,
            case .record(let fields) = header.schema, !fields.contains(where: { $0.resolvedId(names) == 515 })
        else { return }
        throw WeirError(.corrupt, "a manifest list of format version \(version) has no sequence numbers")
    }

    private static func decodeFile(_ type: AvroType, _ reader: inout ByteReader) throws(WeirError) -> ManifestFile {
        guard case .record(let fields) = type else { throw WeirError(.corrupt, "a manifest list holds no records") }
        var file = ManifestFile(path: "", length: -1, specId: 0, addedSnapshotId: -1)
        for field in fields {
            let type = field.type
            switch field.resolvedId(names) {
            case 500: file.path = try reader.readText(type) ?? ""
            case 501: file.length = try reader.readLong(type) ?? -1
            case 502: file.specId = try Manifest.narrow(try reader.readLong(type) ?? 0)
            case 517:
                let value = try reader.readLong(type) ?? 0
                guard let content = ManifestFile.Content(rawValue: Int(truncatingIfNeeded: value)) else {
                    throw WeirError(.corrupt, "a manifest has the unknown content \(value)", at: file.path)
                }
                file.content = content
            case 515: file.sequenceNumber = try reader.readLong(type) ?? 0
            case 516: file.minSequenceNumber = try reader.readLong(type) ?? 0
            case 503: file.addedSnapshotId = try reader.readLong(type) ?? -1
            case 504: file.addedFiles = try count(type, &reader)
            case 505: file.existingFiles = try count(type, &reader)
            case 506: file.deletedFiles = try count(type, &reader)
            case 512: file.addedRows = try reader.readLong(type)
            case 513: file.existingRows = try reader.readLong(type)
            case 514: file.deletedRows = try reader.readLong(type)
            case 507:
                try reader.readArray(type) { (item, reader) throws(WeirError) in
                    file.partitions.append(try decodeSummary(item, &reader))
                }
            case 519: file.keyMetadata = try reader.readBinary(type)
            case 520: file.firstRowId = try reader.readLong(type)
            default: try reader.skip(type)
            }
        }
        guard !file.path.isEmpty, file.length >= 0 else {
            throw WeirError(.corrupt, "a manifest lacks its path or length", at: file.path)
        }
        return file
    }

    private static func count(_ type: AvroType, _ reader: inout ByteReader) throws(WeirError) -> Int? {
        guard let value = try reader.readLong(type) else { return nil }
        return try Manifest.narrow(value)
    }

    private static func decodeSummary(
        _ type: AvroType,
        _ reader: inout ByteReader
    ) throws(WeirError) -> ManifestFile.FieldSummary {
        guard case .record(let fields) = type else { throw WeirError(.corrupt, "a partition summary is no record") }
        var summary = ManifestFile.FieldSummary(containsNull: true, containsNaN: nil, lowerBound: nil, upperBound: nil)
        for field in fields {
            switch field.resolvedId(summaryNames) {
            case 509: summary.containsNull = try reader.readBoolean(field.type) ?? true
            case 518: summary.containsNaN = try reader.readBoolean(field.type)
            case 510: summary.lowerBound = try reader.readBinary(field.type)
            case 511: summary.upperBound = try reader.readBinary(field.type)
            default: try reader.skip(field.type)
            }
        }
        return summary
    }

    private static let names = [
        "manifest_path": 500, "manifest_length": 501, "partition_spec_id": 502, "content": 517,
        "sequence_number": 515, "min_sequence_number": 516, "added_snapshot_id": 503, "added_files_count": 504,
        "added_data_files_count": 504, "existing_files_count": 505, "existing_data_files_count": 505,
        "deleted_files_count": 506, "deleted_data_files_count": 506, "added_rows_count": 512,
        "existing_rows_count": 513, "deleted_rows_count": 514, "partitions": 507, "key_metadata": 519,
        "first_row_id": 520,
    ]
    private static let summaryNames = [
        "contains_null": 509, "contains_nan": 518, "lower_bound": 510, "upper_bound": 511,
    ]

    /// Encodes a manifest list of format version 2, or of 3 for a snapshot with a first row id.
    public static func encode(
        _ manifests: [ManifestFile],
        snapshotId: Int64,
        parentId: Int64?,
        sequenceNumber: Int64,
        firstRowId: Int64? = nil
    ) throws(WeirError) -> [UInt8] {
        let formatVersion = firstRowId == nil ? 2 : 3
        var writer = ByteWriter(capacity: manifests.count * 256)
        for open in manifests {
            let manifest = open.assigned(sequenceNumber)
            writer.writeAvro(manifest.path)
            writer.writeVarint(manifest.length)
            writer.writeVarint(Int64(manifest.specId))
            writer.writeVarint(Int64(manifest.content.rawValue))
            writer.writeVarint(manifest.sequenceNumber)
            writer.writeVarint(manifest.minSequenceNumber)
            writer.writeVarint(manifest.addedSnapshotId)
            writer.writeVarint(Int64(manifest.addedFiles ?? 0))
            writer.writeVarint(Int64(manifest.existingFiles ?? 0))
            writer.writeVarint(Int64(manifest.deletedFiles ?? 0))
            writer.writeVarint(manifest.addedRows ?? 0)
            writer.writeVarint(manifest.existingRows ?? 0)
            writer.writeVarint(manifest.deletedRows ?? 0)
            writer.writeBranch(isNull: false)
            if !manifest.partitions.isEmpty {
                writer.writeVarint(Int64(manifest.partitions.count))
                for summary in manifest.partitions {
                    writer.writeUInt8(summary.containsNull ? 1 : 0)
                    writer.writeBranch(isNull: summary.containsNaN == nil)
                    if let containsNaN = summary.containsNaN { writer.writeUInt8(containsNaN ? 1 : 0) }
                    writer.writeAvro(optional: summary.lowerBound)
                    writer.writeAvro(optional: summary.upperBound)
                }
            }
            writer.writeVarint(0)
            writer.writeAvro(optional: manifest.keyMetadata)
            if formatVersion > 2 { writer.writeAvro(optional: manifest.firstRowId) }
        }
        let (id, parent, sequence) = (
            String(snapshotId), parentId.map(String.init) ?? "null", String(sequenceNumber)
        )
        let metadata: KeyValuePairs =
            if let firstRowId {
                [
                    "snapshot-id": id, "parent-snapshot-id": parent, "sequence-number": sequence,
                    "first-row-id": String(firstRowId), "format-version": "3",
                ]
            } else {
                [
                    "snapshot-id": id, "parent-snapshot-id": parent, "sequence-number": sequence,
                    "format-version": "2",
                ]
            }
        return try AvroFile.encode(
            schema: ManifestSchema.list(formatVersion: formatVersion),
            metadata: metadata,
            blocks: [(manifests.count, writer.bytes)]
        )
    }
}

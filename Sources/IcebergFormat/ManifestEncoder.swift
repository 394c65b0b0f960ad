import Bytes
import Columnar

/// Encodes one manifest of format version 2 or 3, and its entry in the manifest list.
public struct ManifestEncoder {
    private let spec: PartitionSpec
    private let partitionType: Schema
    private let schema: TableSchema
    private let content: ManifestFile.Content
    private let snapshotId: Int64
    private let formatVersion: Int
    private var blocks: [(count: Int, bytes: [UInt8])] = []
    private var block = ByteWriter(capacity: 1 << 16)
    private var blockCount = 0
    private var summaries: [PartitionSummary]
    private var files = [0, 0, 0]
    private var rows: [Int64] = [0, 0, 0]
    private var minSequenceNumber: Int64?

    private static let blockSize = 1 << 18

    public init(
        spec: PartitionSpec,
        schema: TableSchema,
        partitionType: Schema,
        content: ManifestFile.Content,
        snapshotId: Int64,
        formatVersion: Int = 2
    ) {
        self.formatVersion = formatVersion
        self.spec = spec
        self.schema = schema
        self.partitionType = partitionType
        self.content = content
        self.snapshotId = snapshotId
        summaries = partitionType.fields.map { PartitionSummary(type: $0.type) }
    }

    public var count: Int { files[0] + files[1] + files[2] }

    /// Bytes encoded so far, before compression.
    public var byteCount: Int { blocks.reduce(block.count) { $0 + $1.bytes.count } }

    public mutating func append(_ entry: ManifestEntry) throws(WeirError) {
        let file = entry.file
        guard file.partition.count == partitionType.count else {
            throw WeirError(
                .invalid,
                "a file with \(CountText.of(file.partition.count, "partition value")) does not fit a spec of "
                    + CountText.of(partitionType.count, "field"),
                at: file.path
            )
        }
        files[entry.status.rawValue] += 1
        rows[entry.status.rawValue] = rows[entry.status.rawValue].addingClamped(file.recordCount)
        // Entries without a sequence number get that of the commit, which is higher than every earlier one. It is the
        // minimum only if no live entry has a number.
        if entry.isLive, let sequence = entry.dataSequenceNumber {
            minSequenceNumber = min(minSequenceNumber ?? sequence, sequence)
        }
        for index in summaries.indices { summaries[index].add(file.partition[index]) }
        try encode(entry)
        blockCount += 1
        if block.count >= Self.blockSize { closeBlock() }
    }

    private mutating func closeBlock() {
        guard blockCount > 0 else { return }
        blocks.append((blockCount, block.bytes))
        block.removeAll()
        blockCount = 0
    }

    /// The file, and its manifest list entry with the sequence number not yet assigned (`ManifestFile.unassigned`).
    public mutating func finish(path: String) throws(WeirError) -> (bytes: [UInt8], file: ManifestFile) {
        closeBlock()
        let bytes = try AvroFile.encode(
            schema: try ManifestSchema.entry(partitionType, formatVersion: formatVersion),
            metadata: [
                "schema": schema.text, "partition-spec": spec.fieldsJSON.text, "partition-spec-id": String(spec.id),
                "format-version": String(formatVersion), "content": content == .data ? "data" : "deletes",
            ],
            blocks: blocks
        )
        let file = ManifestFile(
            path: path,
            length: Int64(bytes.count),
            specId: spec.id,
            content: content,
            sequenceNumber: ManifestFile.unassigned,
            minSequenceNumber: minSequenceNumber ?? ManifestFile.unassigned,
            addedSnapshotId: snapshotId,
            addedFiles: files[ManifestEntry.Status.added.rawValue],
            existingFiles: files[ManifestEntry.Status.existing.rawValue],
            deletedFiles: files[ManifestEntry.Status.deleted.rawValue],
            addedRows: rows[ManifestEntry.Status.added.rawValue],
            existingRows: rows[ManifestEntry.Status.existing.rawValue],
            deletedRows: rows[ManifestEntry.Status.deleted.rawValue],
            partitions: summaries.map(\.summary)
        )
        return (bytes, file)
    }

    private mutating func encode(_ entry: ManifestEntry) throws(WeirError) {
        let file = entry.file
        block.writeVarint(Int64(entry.status.rawValue))
        block.writeAvro(optional: entry.snapshotId)
        block.writeAvro(optional: entry.dataSequenceNumber)
        block.writeAvro(optional: entry.fileSequenceNumber)
        block.writeVarint(Int64(file.content.rawValue))
        block.writeAvro(file.path)
        block.writeAvro(file.format.rawValue.uppercased())
        for (value, field) in zip(file.partition, partitionType.fields) {
            try block.writePartitionValue(value, field.type, at: file.path)
        }
        block.writeVarint(file.recordCount)
        block.writeVarint(file.fileSize)
        writeCounts(file.columnSizes)
        writeCounts(file.valueCounts)
        writeCounts(file.nullValueCounts)
        writeCounts(file.nanValueCounts)
        writeBounds(file.lowerBounds)
        writeBounds(file.upperBounds)
        block.writeAvro(optional: file.keyMetadata)
        writeNumbers(file.splitOffsets)
        writeNumbers(file.equalityIds.map(Int64.init))
        block.writeAvro(optional: file.sortOrderId.map(Int64.init))
        if formatVersion > 2 { block.writeAvro(optional: file.firstRowId) }
        block.writeAvro(optional: file.referencedDataFile)
        if formatVersion > 2 {
            block.writeAvro(optional: file.contentOffset)
            block.writeAvro(optional: file.contentSize)
        }
    }

    private mutating func writeCounts(_ counts: [Int: Int64]) {
        block.writeBranch(isNull: counts.isEmpty)
        if counts.isEmpty { return }
        block.writeVarint(Int64(counts.count))
        for (key, value) in counts.sorted(by: { $0.key < $1.key }) {
            block.writeVarint(Int64(key))
            block.writeVarint(value)
        }
        block.writeVarint(0)
    }

    private mutating func writeBounds(_ bounds: [Int: [UInt8]]) {
        block.writeBranch(isNull: bounds.isEmpty)
        if bounds.isEmpty { return }
        block.writeVarint(Int64(bounds.count))
        for (key, value) in bounds.sorted(by: { $0.key < $1.key }) {
            block.writeVarint(Int64(key))
            block.writeAvro(value)
        }
        block.writeVarint(0)
    }

    private mutating func writeNumbers(_ numbers: [Int64]) {
        block.writeBranch(isNull: numbers.isEmpty)
        if numbers.isEmpty { return }
        block.writeVarint(Int64(numbers.count))
        for number in numbers { block.writeVarint(number) }
        block.writeVarint(0)
    }
}

extension ManifestFile {
    /// A sequence number that the commit will assign.
    public static let unassigned: Int64 = -1

    /// The same manifest with the sequence number of its commit.
    public func assigned(_ number: Int64) -> ManifestFile {
        var file = self
        if sequenceNumber == Self.unassigned { file.sequenceNumber = number }
        if minSequenceNumber == Self.unassigned { file.minSequenceNumber = number }
        return file
    }
}

extension ByteWriter {
    /// Writes a partition value of the column's type, as a union with null.
    mutating func writePartitionValue(_ value: Scalar, _ type: FieldType, at path: String) throws(WeirError) {
        writeBranch(isNull: value == .null)
        switch (value, type) {
        case (.null, _): break
        case (.boolean(let flag), .boolean): writeUInt8(flag ? 1 : 0)
        case (.int(let number), .int), (.date(let number), .date), (.int(let number), .date),
            (.date(let number), .int), (.int(let number), .long):
            writeVarint(Int64(number))
        case (.long(let number), .long), (.time(let number), .time), (.timestamp(let number), .timestamp),
            (.timestamptz(let number), .timestamptz):
            writeVarint(number)
        case (.float(let number), .float): writeLittleEndian(number.bitPattern)
        case (.float(let number), .double): writeLittleEndian(Double(number).bitPattern)
        case (.double(let number), .double): writeLittleEndian(number.bitPattern)
        case (.string(let text), .string): writeAvro(text)
        case (.uuid(let number), .uuid): writeBigEndian(number)
        case (.decimal(let unscaled, let scale), .decimal(let precision, let declared)) where scale == declared:
            let size = ManifestSchema.decimalSize(precision)
            guard Transform.minimalByteCount(unscaled) <= size else { throw unfit(value, type, path) }
            withUnsafeBytes(of: unscaled.bigEndian) { writeBytes(UnsafeRawBufferPointer(rebasing: $0[(16 - size)...])) }
        case (.fixed(let bytes), .fixed(let length)) where bytes.count == length: writeBytes(bytes)
        case (.binary(let bytes), .binary): writeAvro(bytes)
        default: throw unfit(value, type, path)
        }
    }

    private func unfit(_ value: Scalar, _ type: FieldType, _ path: String) -> WeirError {
        WeirError(.invalid, "partition value \(value) is not of type \(type)", at: path)
    }
}

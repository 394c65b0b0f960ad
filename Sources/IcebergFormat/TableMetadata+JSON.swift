import Bytes
import Columnar

extension TableMetadata {
    /// Parses a metadata file of format version 1, 2 or 3, plain or compressed with gzip.
    ///
    /// - Parameter path: the path used in errors.
    public static func parse(_ bytes: [UInt8], at path: String) throws(WeirError) -> TableMetadata {
        do throws(WeirError) {
            let text = bytes.starts(with: [0x1f, 0x8b]) ? try unzipped(bytes) : bytes
            if let digits = checksumDigits(in: text) { try EmbeddedChecksum.check(text[...], digitsAt: digits) }
            guard let object = try JSONValue.parse(text).asObject else {
                throw WeirError(.corrupt, "table metadata is not a JSON object")
            }
            return try TableMetadata(json: object)
        } catch {
            throw error.located(at: path)
        }
    }

    private static func unzipped(_ bytes: [UInt8]) throws(WeirError) -> [UInt8] {
        var output = GrowableBuffer()
        try bytes.withUnsafeBufferPointer { (input) throws(WeirError) in
            try Gzip.decompress(UnsafeRawBufferPointer(input), into: &output, limit: 1 << 30)
        }
        return output.finishBytes()
    }

    private init(json: JSONObject) throws(WeirError) {
        otherMembers = json.removing(Self.knownMembers)
        formatVersion = try json.int("format-version")
        guard 1...3 ~= formatVersion else {
            throw WeirError(
                .unsupported,
                "the table is of format version \(formatVersion), and versions 1 to 3 are read",
                advice: "a newer version of Weir may read it"
            )
        }
        tableUUID = try json.optionalString("table-uuid") ?? ""
        location = try json.string("location")
        lastSequenceNumber = try json.sequenceNumber("last-sequence-number", version: formatVersion) ?? 0
        // The next commit must be able to increment the number.
        guard (0..<Int64.max).contains(lastSequenceNumber) else {
            throw WeirError(.corrupt, "last-sequence-number is \(lastSequenceNumber)")
        }
        lastUpdatedMs = try json.long("last-updated-ms")
        lastColumnId = try json.int("last-column-id")

        var schemas = try json.objects("schemas").map { (object) throws(WeirError) in try TableSchema(json: object) }
        if schemas.isEmpty { schemas = [try TableSchema(json: try json.object("schema"))] }
        currentSchemaId = try json.chosenId("current-schema-id", among: schemas.map(\.id))
        self.schemas = schemas

        var specs = try json.objects("partition-specs").map { (object) throws(WeirError) in
            try PartitionSpec(json: object)
        }
        if specs.isEmpty {
            specs = [PartitionSpec(fields: try PartitionSpec.parseFields(try json.objects("partition-spec")))]
        }
        defaultSpecId = try json.chosenId("default-spec-id", among: specs.map(\.id))
        lastPartitionId =
            try json.optionalInt("last-partition-id") ?? specs.flatMap { $0.fields.map(\.id) }.max() ?? 999
        self.specs = specs

        let orders = try json.objects("sort-orders").map { (object) throws(WeirError) in try SortOrder(json: object) }
        sortOrders = orders.isEmpty ? [.unsorted] : orders
        defaultSortOrderId = try json.chosenId("default-sort-order-id", among: sortOrders.map(\.id))
        properties = try json.texts("properties")
        let current = try json.optionalLong("current-snapshot-id")
        currentSnapshotId = current == -1 ? nil : current
        snapshots = try json.objects("snapshots").map { (object) throws(WeirError) in try Snapshot(json: object) }
        snapshotLog = try json.objects("snapshot-log").map { (object) throws(WeirError) in
            SnapshotLogEntry(timestampMs: try object.long("timestamp-ms"), snapshotId: try object.long("snapshot-id"))
        }
        metadataLog = try json.objects("metadata-log").map { (object) throws(WeirError) in
            MetadataLogEntry(timestampMs: try object.long("timestamp-ms"), path: try object.string("metadata-file"))
        }
        var references: [String: SnapshotReference] = [:]
        for entry in json["refs"]?.asObject?.entries ?? [] {
            guard let object = entry.value.asObject else {
                throw WeirError(.corrupt, "ref '\(entry.key)' is no object")
            }
            references[entry.key] = try SnapshotReference(json: object)
        }
        // Metadata of version 1, or written before references existed, gives main only as the current snapshot.
        if let currentSnapshotId, references[Self.mainBranch] == nil {
            references[Self.mainBranch] = SnapshotReference(branch: currentSnapshotId)
        }
        self.references = references
        statistics = try json.objects("statistics").map { (object) throws(WeirError) in
            try StatisticsFile(json: object)
        }
        partitionStatistics = try json.objects("partition-statistics").map { (object) throws(WeirError) in
            try PartitionStatisticsFile(json: object)
        }
        nextRowId = try json.optionalLong("next-row-id")
        try check()
    }

    /// The bytes of the metadata file. The last member is a checksum of the file. Other readers ignore it, and other
    /// writers leave it out.
    public func serialized() -> [UInt8] {
        var json = document
        json[Self.checksumMember] = .string(EmbeddedChecksum.placeholder)
        // Most of it is what earlier commits have written already.
        var file: [UInt8] = []
        file.reserveCapacity(writtenSnapshots.lastCount + 1 << 13)
        var part = GrowableBuffer(capacity: 1 << 14)
        var snapshotPlace: WrittenList<Snapshot>.Place?
        var statisticsPlace: WrittenList<StatisticsFile>.Place?
        part.appendByte(UInt8(ascii: "{"))
        for (index, entry) in json.entries.enumerated() {
            if index > 0 { part.appendByte(UInt8(ascii: ",")) }
            JSONValue.write(entry.key, to: &part)
            part.appendByte(UInt8(ascii: ":"))
            switch entry.key {
            case "snapshots":
                part.appendByte(UInt8(ascii: "["))
                file += part.finishBytes()
                snapshotPlace = writtenSnapshots.append(snapshots, to: &file, isSame: ===) {
                    $0.serialized.text
                }
                part.appendByte(UInt8(ascii: "]"))
            case "statistics":
                part.appendByte(UInt8(ascii: "["))
                file += part.finishBytes()
                statisticsPlace = writtenStatistics.append(statistics, to: &file, isSame: StatisticsFile.areOne) {
                    $0.serialized.text
                }
                part.appendByte(UInt8(ascii: "]"))
            case "snapshot-log":
                part.reserve(snapshotLog.count * 80 + metadataLog.count * 240)
                part.appendJSONArray(snapshotLog) { entry, target in entry.write(to: &target) }
            case "metadata-log": part.appendJSONArray(metadataLog) { entry, target in entry.write(to: &target) }
            default: entry.value.write(to: &part)
            }
        }
        part.appendByte(UInt8(ascii: "}"))
        file += part.finishBytes()
        if let digits = Self.checksumDigits(in: file) { EmbeddedChecksum.seal(&file, digitsAt: digits) }
        if let snapshotPlace { writtenSnapshots.note(snapshotPlace, in: file) }
        if let statisticsPlace { writtenStatistics.note(statisticsPlace, in: file) }
        return file
    }

    private static let checksumMember = "weir-crc32c"

    private static func checksumDigits(in text: [UInt8]) -> Int? {
        EmbeddedChecksum.digits(in: text, between: ",\"\(checksumMember)\":\"", and: "\"}")
    }

    private var document: JSONObject {
        var json = JSONObject()
        json["format-version"] = .integer(Int64(formatVersion))
        if !tableUUID.isEmpty { json["table-uuid"] = .string(tableUUID) }
        json["location"] = .string(location)
        if formatVersion > 1 { json["last-sequence-number"] = .integer(lastSequenceNumber) }
        json["last-updated-ms"] = .integer(lastUpdatedMs)
        json["last-column-id"] = .integer(Int64(lastColumnId))
        json["current-schema-id"] = .integer(Int64(currentSchemaId))
        json["schemas"] = .array(schemas.map { .object($0.json) })
        json["default-spec-id"] = .integer(Int64(defaultSpecId))
        json["partition-specs"] = .array(specs.map { .object($0.json) })
        json["last-partition-id"] = .integer(Int64(lastPartitionId))
        if let nextRowId { json["next-row-id"] = .integer(nextRowId) }
        json["default-sort-order-id"] = .integer(Int64(defaultSortOrderId))
        json["sort-orders"] = .array(sortOrders.map { .object($0.json) })
        if formatVersion == 1 {
            // Version 1 readers expect the current schema and spec outside of the lists.
            json["schema"] = .object(currentSchema.json)
            json["partition-spec"] = spec.fieldsJSON
        }
        json["properties"] = .object(JSONObject(texts: properties))
        json["current-snapshot-id"] = .integer(currentSnapshotId ?? -1)
        var refs = JSONObject()
        for (name, reference) in references.sorted(by: { $0.key < $1.key }) { refs[name] = .object(reference.json) }
        json["refs"] = .object(refs)
        // The long lists are written in the places of the empty ones; see `serialized`.
        json["snapshots"] = .array([])
        json["statistics"] = .array([])
        json["partition-statistics"] = .array(partitionStatistics.map { .object($0.json) })
        json["snapshot-log"] = .array([])
        json["metadata-log"] = .array([])
        for member in otherMembers.entries { json[member.key] = member.value }
        return json
    }

    private static let knownMembers: Set<String> = [
        "format-version", "table-uuid", "location", "last-sequence-number", "last-updated-ms", "last-column-id",
        "current-schema-id", "schemas", "schema", "default-spec-id", "partition-specs", "partition-spec",
        "last-partition-id", "default-sort-order-id", "sort-orders", "properties", "current-snapshot-id", "refs",
        "snapshots", "statistics", "partition-statistics", "next-row-id", "snapshot-log", "metadata-log",
        checksumMember,
    ]
}

extension GrowableBuffer {
    fileprivate mutating func appendJSONArray<Element>(
        _ elements: [Element],
        _ write: (Element, inout GrowableBuffer) -> Void
    ) {
        appendByte(UInt8(ascii: "["))
        for (index, element) in elements.enumerated() {
            if index > 0 { appendByte(UInt8(ascii: ",")) }
            write(element, &self)
        }
        appendByte(UInt8(ascii: "]"))
    }
}

extension SnapshotLogEntry {
    fileprivate func write(to target: inout GrowableBuffer) {
        target.appendText("{\"timestamp-ms\":")
        target.appendInteger(timestampMs)
        target.appendText(",\"snapshot-id\":")
        target.appendInteger(snapshotId)
        target.appendByte(UInt8(ascii: "}"))
    }
}

extension MetadataLogEntry {
    fileprivate func write(to target: inout GrowableBuffer) {
        target.appendText("{\"timestamp-ms\":")
        target.appendInteger(timestampMs)
        target.appendText(",\"metadata-file\":")
        JSONValue.write(path, to: &target)
        target.appendByte(UInt8(ascii: "}"))
    }
}

extension JSONObject {
    /// The id of the list element in use. If the member is missing, the list must have exactly one element.
    fileprivate func chosenId(_ key: String, among ids: [Int]) throws(WeirError) -> Int {
        if let id = try optionalInt(key) { return id }
        guard ids.count == 1 else {
            throw WeirError(.corrupt, "member '\(key)' is missing, and there are \(ids.count) to choose from")
        }
        return ids[0]
    }

    /// A sequence number: optional in version 1, required in later versions.
    fileprivate func sequenceNumber(_ key: String, version formatVersion: Int) throws(WeirError) -> Int64? {
        let value = try optionalLong(key)
        if formatVersion > 1, value == nil { throw missing(key, "an integer") }
        return value
    }
}

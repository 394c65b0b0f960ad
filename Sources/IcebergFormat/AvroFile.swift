import Bytes

/// An Avro object container file (Avro 1.12, "Object Container Files").
enum AvroFile {
    private static let magic: [UInt8] = [0x4f, 0x62, 0x6a, 0x01]
    /// The header key for the checksum of the whole file. Sync markers detect little corruption.
    private static let checksumKey = "weir.crc32c"

    struct Header {
        let schema: AvroType
        let metadata: [String: [UInt8]]

        func text(_ key: String) -> String? { metadata[key].flatMap { String(validating: $0, as: UTF8.self) } }
    }

    /// Calls `record` for every record, with a reader positioned at its first byte.
    static func read(
        _ bytes: [UInt8],
        started: (Header) throws(WeirError) -> Void = { (_) throws(WeirError) in },
        record: (AvroType, inout ByteReader) throws(WeirError) -> Void
    ) throws(WeirError) {
        var reader = ByteReader(bytes.span.bytes)
        guard bytes.count >= 4, try reader.readBytes(4) == magic else {
            throw WeirError(.corrupt, "the file is not an Avro container", at: "byte 0")
        }
        let (metadata, digits) = try readMetadata(&reader)
        if let digits { try EmbeddedChecksum.check(bytes[...], digitsAt: digits) }
        guard let schemaBytes = metadata["avro.schema"] else {
            throw WeirError(.corrupt, "the Avro header has no schema", at: "byte \(reader.offset)")
        }
        let schema: AvroType
        do throws(WeirError) {
            schema = try AvroType.parse(try JSONValue.parse(schemaBytes))
        } catch {
            throw error.located(at: "Avro schema")
        }
        let codec = try AvroCodec(named: metadata["avro.codec"].map { String(decoding: $0, as: UTF8.self) } ?? "null")
        let sync = try reader.readBytes(16)
        try started(Header(schema: schema, metadata: metadata))
        while !reader.isAtEnd {
            let start = reader.offset
            let count = try reader.readVarint()
            let size = try reader.readVarint()
            guard count >= 0, size >= 0, size <= reader.remaining else {
                throw WeirError(.corrupt, "an Avro block of \(size) bytes does not fit the file", at: "byte \(start)")
            }
            let block = try reader.readBytes(Int(size))
            guard try reader.readBytes(16) == sync else {
                throw WeirError(
                    .corrupt,
                    "the sync marker after an Avro block is wrong",
                    at: "byte \(reader.offset - 16)"
                )
            }
            do throws(WeirError) {
                let data = try codec.decompress(block)
                guard count <= data.count else {
                    throw WeirError(.corrupt, "an Avro block of \(data.count) bytes cannot hold \(count) records")
                }
                var blockReader = ByteReader(data.span.bytes)
                for _ in 0..<count { try record(schema, &blockReader) }
                guard blockReader.isAtEnd else {
                    throw WeirError(.corrupt, "\(blockReader.remaining) bytes are left over after its records")
                }
            } catch {
                throw error.located(at: "Avro block at byte \(start)")
            }
        }
    }

    private static func readMetadata(
        _ reader: inout ByteReader
    ) throws(WeirError) -> (members: [String: [UInt8]], checksumDigits: Int?) {
        var metadata: [String: [UInt8]] = [:]
        var digits: Int?
        while true {
            var count = try reader.readVarint()
            if count == 0 { return (metadata, digits) }
            if count < 0 {
                _ = try reader.readVarint()
                count = 0 &- count
            }
            guard count > 0, count <= reader.remaining else {
                throw WeirError(.corrupt, "the Avro header has \(count) members", at: "byte \(reader.offset)")
            }
            for _ in 0..<count {
                let key = try reader.readText(.string) ?? ""
                let value = try reader.readBinary(.bytes) ?? []
                metadata[key] = value
                if key == checksumKey, value.count == EmbeddedChecksum.count { digits = reader.offset - value.count }
            }
        }
    }

    /// Builds a whole file from encoded records.
    ///
    /// - Parameter blocks: the number of records and their encoded bytes, per block.
    static func encode(
        schema: JSONValue,
        metadata: KeyValuePairs<String, String>,
        blocks: [(count: Int, bytes: [UInt8])]
    ) throws(WeirError) -> [UInt8] {
        var writer = ByteWriter(capacity: 4096)
        writer.writeBytes(magic)
        writer.writeVarint(Int64(metadata.count + 3))
        func member(_ key: String, _ value: [UInt8]) {
            writer.writeAvro(key)
            writer.writeAvro(value)
        }
        member(checksumKey, Array(EmbeddedChecksum.placeholder.utf8))
        let digits = writer.count - EmbeddedChecksum.count
        member("avro.schema", schema.serialized())
        member("avro.codec", Array("deflate".utf8))
        for (key, value) in metadata { member(key, Array(value.utf8)) }
        writer.writeVarint(0)
        var random = SystemRandomNumberGenerator()
        let sync = withUnsafeBytes(of: (random.next(), random.next())) { Array($0) }
        writer.writeBytes(sync)
        for block in blocks where block.count > 0 {
            let compressed = try Deflate.compress(block.bytes)
            writer.writeVarint(Int64(block.count))
            writer.writeVarint(Int64(compressed.count))
            writer.writeBytes(compressed)
            writer.writeBytes(sync)
        }
        var bytes = writer.bytes
        EmbeddedChecksum.seal(&bytes, digitsAt: digits)
        return bytes
    }
}

extension ByteWriter {
    mutating func writeAvro(_ text: String) {
        writeVarint(Int64(text.utf8.count))
        writeString(text)
    }

    mutating func writeAvro(_ bytes: [UInt8]) {
        writeVarint(Int64(bytes.count))
        writeBytes(bytes)
    }

    /// Writes the branch index of a union of null and another type.
    mutating func writeBranch(isNull: Bool) { writeUInt8(isNull ? 0 : 2) }

    mutating func writeAvro(optional value: Int64?) {
        writeBranch(isNull: value == nil)
        if let value { writeVarint(value) }
    }

    mutating func writeAvro(optional value: [UInt8]?) {
        writeBranch(isNull: value == nil)
        if let value { writeAvro(value) }
    }

    mutating func writeAvro(optional value: String?) {
        writeBranch(isNull: value == nil)
        if let value { writeAvro(value) }
    }
}

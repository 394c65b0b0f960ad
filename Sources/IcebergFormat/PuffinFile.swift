import Bytes

/// Puffin files, version 1: statistics blobs followed by a JSON footer. Neither blobs nor footer are compressed.
public enum PuffinFile {
    public struct Blob: Hashable, Sendable {
        public let type: String
        public let fields: [Int]
        public let snapshotId: Int64
        public let sequenceNumber: Int64
        public let properties: [String: String]
        public let bytes: [UInt8]

        public init(
            type: String,
            fields: [Int] = [],
            snapshotId: Int64,
            sequenceNumber: Int64,
            properties: [String: String] = [:],
            bytes: [UInt8]
        ) {
            self.type = type
            self.fields = fields
            self.snapshotId = snapshotId
            self.sequenceNumber = sequenceNumber
            self.properties = properties
            self.bytes = bytes
        }

        /// The blob's entry in the table metadata.
        public var metadata: StatisticsFile.BlobMetadata {
            StatisticsFile.BlobMetadata(
                type: type,
                snapshotId: snapshotId,
                sequenceNumber: sequenceNumber,
                fields: fields,
                properties: properties
            )
        }
    }

    private static let magic: [UInt8] = [0x50, 0x46, 0x41, 0x31]
    /// Blobs follow each other without gaps from here on.
    static let firstBlobOffset = Int64(magic.count)
    /// Properties with checksums of a blob's bytes and of the footer. Other readers ignore unknown properties.
    private static let blobChecksumKey = "weir.crc32c"
    private static let footerChecksumKey = "weir.footer-crc32c"

    private static func checksumDigits(in payload: [UInt8]) -> Int? {
        EmbeddedChecksum.digits(in: payload, between: "\"\(footerChecksumKey)\":\"", and: "\"}}")
    }

    /// The file and the size of its footer, which the table metadata also contains.
    public static func encode(
        _ blobs: [Blob],
        properties: [String: String] = [:]
    ) -> (bytes: [UInt8], footerSize: Int64) {
        var writer = ByteWriter(capacity: 1024)
        writer.writeBytes(magic)
        var descriptions: [JSONValue] = []
        for blob in blobs {
            var json: JSONObject = [
                "type": .string(blob.type), "fields": .array(blob.fields.map { .integer(Int64($0)) }),
                "snapshot-id": .integer(blob.snapshotId), "sequence-number": .integer(blob.sequenceNumber),
                "offset": .integer(Int64(writer.count)), "length": .integer(Int64(blob.bytes.count)),
            ]
            var texts = JSONObject(texts: blob.properties)
            let crc = blob.bytes.withUnsafeBytes { CRC32C.checksum($0) }
            texts[blobChecksumKey] = .string(String(decoding: EmbeddedChecksum.digits(crc), as: UTF8.self))
            json["properties"] = .object(texts)
            descriptions.append(.object(json))
            writer.writeBytes(blob.bytes)
        }
        let footerStart = writer.count
        var footer: JSONObject = ["blobs": .array(descriptions)]
        var texts = JSONObject(texts: properties)
        texts[footerChecksumKey] = .string(EmbeddedChecksum.placeholder)
        footer["properties"] = .object(texts)
        let payload = JSONValue.object(footer).serialized()
        let digits = checksumDigits(in: payload).map { magic.count + $0 }
        writer.writeBytes(magic)
        writer.writeBytes(payload)
        writer.writeLittleEndian(Int32(truncatingIfNeeded: payload.count))
        writer.writeLittleEndian(UInt32(0))
        writer.writeBytes(magic)
        let footerSize = Int64(writer.count - footerStart)
        var footerBytes = Array(writer.bytes[footerStart...])
        if let digits { EmbeddedChecksum.seal(&footerBytes, digitsAt: digits) }
        return (Array(writer.bytes[..<footerStart]) + footerBytes, footerSize)
    }

    /// - Parameter path: the path used in errors.
    public static func decode(_ bytes: [UInt8], at path: String) throws(WeirError) -> [Blob] {
        do throws(WeirError) {
            return try decode(bytes)
        } catch {
            throw error.located(at: path)
        }
    }

    private static func decode(_ bytes: [UInt8]) throws(WeirError) -> [Blob] {
        var reader = ByteReader(bytes.span.bytes)
        guard bytes.count >= 20, try reader.readBytes(4) == magic, bytes.suffix(4).elementsEqual(magic) else {
            throw WeirError(.corrupt, "the file is not a Puffin file", at: "byte 0")
        }
        try reader.seek(to: bytes.count - 12)
        let payloadSize = Int(try reader.readLittleEndian(Int32.self))
        let flags = try reader.readLittleEndian(UInt32.self)
        let footerStart = bytes.count - 16 - payloadSize
        guard payloadSize >= 0, footerStart >= 4 else {
            throw WeirError(
                .corrupt,
                "a footer of \(payloadSize) bytes does not fit the file",
                at: "byte \(bytes.count - 12)"
            )
        }
        guard flags & 1 == 0 else { throw WeirError(.unsupported, "the Puffin footer is compressed") }
        try reader.seek(to: footerStart)
        guard try reader.readBytes(4) == magic else {
            throw WeirError(.corrupt, "the Puffin footer is damaged", at: "byte \(footerStart)")
        }
        let payload = try reader.readBytes(payloadSize)
        if let digits = checksumDigits(in: payload) {
            try EmbeddedChecksum.check(bytes[footerStart...], digitsAt: footerStart + magic.count + digits)
        }
        guard let footer = try JSONValue.parse(payload).asObject else {
            throw WeirError(.corrupt, "the Puffin footer is damaged", at: "byte \(footerStart)")
        }
        return try footer.objects("blobs").map { (json) throws(WeirError) in
            let offset = try json.long("offset")
            let length = try json.long("length")
            guard offset >= 4, length >= 0, length <= Int64(footerStart), offset <= Int64(footerStart) - length else {
                throw WeirError(.corrupt, "a blob lies outside of the file", at: "byte \(offset)")
            }
            if let codec = try json.optionalString("compression-codec") {
                throw WeirError(.unsupported, "a blob is compressed with '\(codec)'", at: "byte \(offset)")
            }
            let blob = bytes[Int(offset)..<Int(offset + length)]
            var properties = try json.texts("properties")
            if let expected = properties.removeValue(forKey: blobChecksumKey) {
                let crc = blob.withUnsafeBytes { CRC32C.checksum($0) }
                guard expected.utf8.elementsEqual(EmbeddedChecksum.digits(crc)) else {
                    throw WeirError(.corrupt, "a blob does not match its checksum", at: "byte \(offset)")
                }
            }
            return Blob(
                type: try json.string("type"),
                fields: try (json.optionalArray("fields") ?? []).map { (value) throws(WeirError) in
                    try Manifest.narrow(value.asInteger ?? .max)
                },
                snapshotId: try json.long("snapshot-id"),
                sequenceNumber: try json.long("sequence-number"),
                properties: properties,
                bytes: Array(blob)
            )
        }
    }
}

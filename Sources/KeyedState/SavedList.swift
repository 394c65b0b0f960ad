import Bytes

/// The file `state`: which runs make up the map, from new to old in each shard.
///
/// ```
/// "WEIRKEYS"  version  identity  point  seed  narrow  shard bits  keys
/// names of files  for each shard: runs (file, offset, CRC-32C)  payload  CRC-32C of all before
/// ```
struct SavedList {
    static let version: UInt32 = 1
    private static let magic = Array("WEIRKEYS".utf8)

    struct Run {
        var file: Int
        var offset: Int
        var checksum: UInt32
    }

    var identity: StateIdentity
    var point: StatePoint
    var seed: KeySeed
    var areNarrow: Bool
    var shardBits: Int
    var keyCount: Int
    var files: [String]
    var shards: [[Run]]
    var payload: [UInt8]

    func encoded() -> [UInt8] {
        var writer = ByteWriter()
        func text(_ text: String) {
            writer.writeUnsignedVarint(UInt64(text.utf8.count))
            writer.writeString(text)
        }
        writer.writeBytes(Self.magic)
        writer.writeLittleEndian(Self.version)
        for part in [identity.table, identity.keys, identity.nodes] { text(part) }
        writer.writeLittleEndian(point.snapshotId)
        writer.writeLittleEndian(point.sequence)
        writer.writeLittleEndian(seed.first)
        writer.writeLittleEndian(seed.second)
        writer.writeUInt8(areNarrow ? 1 : 0)
        writer.writeUInt8(UInt8(shardBits))
        writer.writeUnsignedVarint(UInt64(keyCount))
        writer.writeUnsignedVarint(UInt64(files.count))
        for file in files { text(file) }
        for runs in shards {
            writer.writeUnsignedVarint(UInt64(runs.count))
            for run in runs {
                writer.writeUnsignedVarint(UInt64(run.file))
                writer.writeUnsignedVarint(UInt64(run.offset))
                writer.writeLittleEndian(run.checksum)
            }
        }
        writer.writeUnsignedVarint(UInt64(payload.count))
        writer.writeBytes(payload)
        writer.writeLittleEndian(writer.bytes.withUnsafeBytes { CRC32C.checksum($0) })
        return writer.bytes
    }

    init(_ bytes: [UInt8], name: String) throws(WeirError) {
        let damaged = WeirError(.corrupt, "the saved state of the key index is damaged", at: name)
        guard bytes.count >= 16, bytes.prefix(8).elementsEqual(Self.magic) else { throw damaged }
        let (sum, stored) = bytes.withUnsafeBytes { all in
            (
                CRC32C.checksum(UnsafeRawBufferPointer(rebasing: all.dropLast(4))),
                all.loadUnaligned(fromByteOffset: all.count - 4, as: UInt32.self)
            )
        }
        var reader = ByteReader(bytes.span.bytes)
        try reader.skip(8)
        let version = try reader.readLittleEndian(UInt32.self)
        guard version == Self.version else {
            throw WeirError(.unsupported, "the saved state of the key index has format version \(version)", at: name)
        }
        guard sum == stored else { throw damaged }
        func count(_ reader: inout ByteReader, atMost limit: Int) throws(WeirError) -> Int {
            let number = try reader.readUnsignedVarint()
            guard let count = Int(exactly: number), count <= limit else { throw damaged }
            return count
        }
        func text(_ reader: inout ByteReader) throws(WeirError) -> String {
            try reader.readString(try count(&reader, atMost: reader.remaining))
        }
        identity = StateIdentity(table: try text(&reader), keys: try text(&reader), nodes: try text(&reader))
        point = StatePoint(
            snapshotId: try reader.readLittleEndian(Int64.self),
            sequence: try reader.readLittleEndian(Int64.self)
        )
        seed = KeySeed(
            first: try reader.readLittleEndian(UInt64.self),
            second: try reader.readLittleEndian(UInt64.self)
        )
        let narrow = try reader.readUInt8()
        guard narrow <= 1 else { throw damaged }
        areNarrow = narrow == 1
        shardBits = Int(try reader.readUInt8())
        keyCount = try count(&reader, atMost: 1 << 48)
        files = []
        for _ in 0..<(try count(&reader, atMost: reader.remaining)) { files.append(try text(&reader)) }
        shards = []
        guard shardBits <= 16 else { throw damaged }
        for _ in 0..<(1 << shardBits) {
            var runs: [Run] = []
            for _ in 0..<(try count(&reader, atMost: RunSet<UInt64>.runsPerShard)) {
                let file = try count(&reader, atMost: files.count - 1)
                let offset = try count(&reader, atMost: 1 << 48)
                runs.append(Run(file: file, offset: offset, checksum: try reader.readLittleEndian(UInt32.self)))
            }
            shards.append(runs)
        }
        payload = try reader.readBytes(try count(&reader, atMost: reader.remaining))
        guard reader.remaining == 4 else { throw damaged }
    }

    init(
        identity: StateIdentity,
        point: StatePoint,
        map: PlaceMap,
        files: [String],
        shards: [[Run]],
        payload: [UInt8]
    ) {
        self.identity = identity
        self.point = point
        seed = map.seed
        areNarrow = map.areNarrow
        shardBits = map.settings.shardBits
        keyCount = map.count
        self.files = files
        self.shards = shards
        self.payload = payload
    }
}

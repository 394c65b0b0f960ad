import Bytes
import ObjectStorage

/// A run in a file: a header of 64 bytes, then its body as it is in memory. A file may have several, one after another.
///
/// ```
///  0  "WEIRRUN1"            24  shard, 4 bytes         36  first file, 4
///  8  format version, 4     28  shard bits, 1          40  entries, 8
/// 12  bits of a hash, 4     29  group bits, 1          48  CRC-32C of the body, 4
/// 16  mark of the seed, 8   30  hash, place, row: 3    52  CRC-32C of the bytes before, 4
/// ```
/// All numbers are little-endian. The mark tells files of another map apart without containing its seed.
enum RunFile {
    static let headerBytes = 64
    static let formatVersion: UInt32 = 1
    private static let magic = Array("WEIRRUN1".utf8)
    private static let checkedBytes = 52

    /// The header of a run's file.
    static func header<Hash: RunHash>(of run: KeyRun<Hash>, seed: KeySeed) -> (bytes: [UInt8], checksum: UInt32) {
        let layout = run.view.layout
        let checksum = CRC32C.checksum(run.body.bytes)
        var writer = ByteWriter(capacity: headerBytes)
        writer.writeBytes(magic)
        writer.writeLittleEndian(formatVersion)
        writer.writeLittleEndian(UInt32(Hash.bitWidth))
        writer.writeLittleEndian(seed.mark)
        writer.writeLittleEndian(UInt32(run.shard))
        for byte in [layout.shardBits, layout.groupBits, layout.hashBytes, layout.placeBytes, layout.rowBits, 0, 0, 0] {
            writer.writeUInt8(byte)
        }
        writer.writeLittleEndian(layout.firstFile)
        writer.writeLittleEndian(UInt64(layout.count))
        writer.writeLittleEndian(checksum)
        writer.writeLittleEndian(writer.bytes.withUnsafeBytes { CRC32C.checksum($0) })
        writer.writeBytes([UInt8](repeating: 0, count: headerBytes - writer.count))
        return (writer.bytes, checksum)
    }

    /// A run at an offset of a mapped file, after all its bytes were checked.
    ///
    /// - Parameters:
    ///   - version: the translation that its places went through; see `KeyRun`.
    ///   - checksum: what the CRC of its body must be.
    static func run<Hash: RunHash>(
        in file: MappedFile,
        at offset: Int,
        name: String,
        seed: KeySeed,
        shard: Int,
        shardBits: Int,
        version: Int = 0,
        checksum: UInt32
    ) throws(WeirError) -> KeyRun<Hash> {
        func damaged(_ what: String) -> WeirError { WeirError(.corrupt, what, at: "\(name), byte \(offset)") }
        guard offset >= 0, offset % headerBytes == 0, offset <= file.bytes.count - headerBytes,
            let base = file.bytes.baseAddress
        else { throw damaged("the file of the key index is too short") }
        let header = UnsafeRawBufferPointer(start: base + offset, count: headerBytes)
        guard header.prefix(8).elementsEqual(magic) else { throw damaged("this is not a run of a key index") }
        let found = header.load(fromByteOffset: 8, as: UInt32.self)
        guard found == formatVersion else {
            throw WeirError(.unsupported, "the run of the key index has format version \(found)", at: name)
        }
        let checked = UnsafeRawBufferPointer(rebasing: header.prefix(checkedBytes))
        guard CRC32C.checksum(checked) == header.load(fromByteOffset: checkedBytes, as: UInt32.self),
            header.suffix(headerBytes - checkedBytes - 4).allSatisfy({ $0 == 0 })
        else { throw damaged("the header of a run of the key index is damaged") }
        guard header.load(fromByteOffset: 12, as: UInt32.self) == UInt32(Hash.bitWidth),
            header.load(fromByteOffset: 16, as: UInt64.self) == seed.mark,
            header.load(fromByteOffset: 24, as: UInt32.self) == UInt32(shard),
            Int(header[28]) == shardBits,
            let layout = RunLayout(
                hashBits: Hash.bitWidth,
                shardBits: header[28],
                groupBits: header[29],
                hashBytes: header[30],
                placeBytes: header[31],
                rowBits: header[32],
                firstFile: header.load(fromByteOffset: 36, as: UInt32.self),
                count: header.load(fromByteOffset: 40, as: UInt64.self)
            )
        else { throw damaged("this is a run of another key index") }
        let start = offset + headerBytes
        guard let bodyBytes = layout.checkedBodyBytes, bodyBytes <= file.bytes.count - start else {
            throw damaged("the file of the key index is too short")
        }
        let body = Buffer(base: base + start, count: bodyBytes, owner: file)
        let sum = CRC32C.checksum(body.bytes)
        guard sum == header.load(fromByteOffset: 48, as: UInt32.self), sum == checksum else {
            throw damaged("a run of the key index is damaged")
        }
        let run = KeyRun<Hash>(
            body: body,
            shard: shard,
            layout: layout,
            version: version,
            copy: RunCopy(file: name, offset: offset, checksum: sum),
            isMapped: true
        )
        guard run.view.isSound else { throw damaged("a run of the key index contradicts itself") }
        return run
    }
}

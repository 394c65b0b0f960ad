import Bytes
import IcebergFormat
import KeyedState

/// What a saved index of base needs besides its places: the files behind their numbers, with the rows that were deleted
/// from them, and the further rows of keys that have several.
///
/// ```
/// version  next number  files: path, number, rows, deletes (path, offset + 1 or 0), deleted rows (words)
/// copies: key (low, high), places (file, row)
/// ```
struct SavedBaseFiles {
    struct File {
        var path: String
        var number: UInt32
        var rowCount: Int64
        var deletes: Set<DataFile.ContentLocation>
        var deleted: DeletedRows
    }

    var nextNumber: UInt32
    var files: [File]
    var copies: [UInt128: [KeyPlace]]

    private static let version: UInt8 = 1

    func encoded() -> [UInt8] {
        var writer = ByteWriter()
        func count(_ count: Int) { writer.writeUnsignedVarint(UInt64(count)) }
        func text(_ text: String) {
            count(text.utf8.count)
            writer.writeString(text)
        }
        writer.writeUInt8(Self.version)
        writer.writeLittleEndian(nextNumber)
        count(files.count)
        for file in files {
            text(file.path)
            writer.writeLittleEndian(file.number)
            writer.writeVarint(file.rowCount)
            count(file.deletes.count)
            for delete in file.deletes {
                text(delete.path)
                writer.writeVarint(delete.offset.map { $0.addingClamped(1) } ?? 0)
            }
            count(file.deleted.words.count)
            for word in file.deleted.words { writer.writeLittleEndian(word) }
        }
        count(copies.count)
        for (key, places) in copies {
            writer.writeLittleEndian(UInt64(truncatingIfNeeded: key))
            writer.writeLittleEndian(UInt64(truncatingIfNeeded: key >> 64))
            count(places.count)
            for place in places {
                writer.writeLittleEndian(place.file)
                writer.writeLittleEndian(place.row)
            }
        }
        return writer.bytes
    }

    /// - Throws: `corrupt` for bytes that no index has written.
    init(_ bytes: [UInt8]) throws(WeirError) {
        let damaged = WeirError(.corrupt, "the list of files of the saved key index is damaged")
        var reader = ByteReader(bytes.span.bytes)
        func count(_ reader: inout ByteReader) throws(WeirError) -> Int {
            guard let count = Int(exactly: try reader.readUnsignedVarint()), count <= reader.remaining else {
                throw damaged
            }
            return count
        }
        func text(_ reader: inout ByteReader) throws(WeirError) -> String {
            try reader.readString(try count(&reader))
        }
        guard try reader.readUInt8() == Self.version else {
            throw WeirError(.unsupported, "the saved key index is of another version of Weir")
        }
        let next = try reader.readLittleEndian(UInt32.self)
        nextNumber = next
        files = []
        var numbers: Set<UInt32> = []
        for _ in 0..<(try count(&reader)) {
            let path = try text(&reader)
            let number = try reader.readLittleEndian(UInt32.self)
            let rowCount = try reader.readVarint()
            var deletes: Set<DataFile.ContentLocation> = []
            for _ in 0..<(try count(&reader)) {
                let path = try text(&reader)
                let offset = try reader.readVarint()
                deletes.insert(
                    DataFile.ContentLocation(path: path, offset: offset == 0 ? nil : offset.addingClamped(-1))
                )
            }
            var words: [UInt64] = []
            for _ in 0..<(try count(&reader)) { words.append(try reader.readLittleEndian(UInt64.self)) }
            guard number < next, numbers.insert(number).inserted, (0..<Int64(UInt32.max)).contains(rowCount),
                let deleted = DeletedRows(words: words, rowCount: rowCount)
            else { throw damaged }
            files.append(
                File(path: path, number: number, rowCount: rowCount, deletes: deletes, deleted: deleted)
            )
        }
        copies = [:]
        for _ in 0..<(try count(&reader)) {
            let low = try reader.readLittleEndian(UInt64.self)
            let high = try reader.readLittleEndian(UInt64.self)
            var places: [KeyPlace] = []
            for _ in 0..<(try count(&reader)) {
                let file = try reader.readLittleEndian(UInt32.self)
                guard file < next else { throw damaged }
                places.append(KeyPlace(file: file, row: try reader.readLittleEndian(UInt32.self)))
            }
            copies[UInt128(high) << 64 | UInt128(low)] = places
        }
        guard reader.remaining == 0 else { throw damaged }
    }

    init(nextNumber: UInt32, files: [File], copies: [UInt128: [KeyPlace]]) {
        self.nextNumber = nextNumber
        self.files = files
        self.copies = copies
    }
}

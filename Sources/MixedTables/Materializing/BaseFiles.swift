import Bytes
import Columnar
import IcebergFormat
import IcebergTables
import KeyedState

/// A data file of base with its deletes: one value, so that neither is changed without the other.
///
/// In format version 2 the deletes lie in position-delete files, in version 3 in one deletion vector. `deletes` are the
/// files, `deleted` is what they say together.
struct BaseFile: Sendable {
    fileprivate(set) var file: DataFile
    let dataSequenceNumber: Int64
    let role: FileRole
    /// The number of the partition in `BaseFiles`.
    let partition: UInt32
    fileprivate(set) var deletes: [DeleteFile]
    fileprivate(set) var deleted: DeletedRows

    var liveRows: Int64 { file.recordCount - Int64(deleted.count) }

    /// The delete files that refer to no other data file, so that a new one may take their place.
    var ownDeletes: [DeleteFile] { deletes.filter { $0.file.deletedDataFile == file.path } }
}

/// The data files of base under numbers, which stand for them in the key index. A number is never used again.
struct BaseFiles: Sendable {
    private var files: [UInt32: BaseFile] = [:]
    private var numbers: [String: UInt32] = [:]
    private var partitions = PartitionNumbers()
    /// The number of the next file.
    var nextNumber: UInt32 = 0
    /// Rows of all files that no delete removes.
    private(set) var liveRows: Int64 = 0

    /// Numbers in the order in which they were given.
    var all: [UInt32] { files.keys.sorted() }

    subscript(number: UInt32) -> BaseFile? { files[number] }
    func number(ofPath path: String) -> UInt32? { numbers[path] }

    /// Whether a place is that of a row which is still there.
    @inline(__always)
    func isLive(_ place: KeyPlace) -> Bool {
        place.exists && files[place.file].map { !$0.deleted.contains(place.row) } ?? false
    }

    /// Adds a file and returns its number.
    mutating func add(
        _ file: DataFile,
        dataSequenceNumber: Int64,
        deletes: [DeleteFile],
        deleted: DeletedRows
    ) throws(WeirError) -> UInt32 {
        guard file.recordCount < Int64(UInt32.max) else {
            throw WeirError(
                .unsupported,
                "a data file of \(file.recordCount) rows is too large for the key index",
                at: file.path,
                advice: "rewrite it into smaller files"
            )
        }
        guard nextNumber < UInt32.max - 1 else { throw WeirError(.invalid, "the key index has no file number left") }
        let number = nextNumber
        nextNumber += 1
        insert(
            file,
            number: number,
            dataSequenceNumber: dataSequenceNumber,
            deletes: deletes,
            deleted: deleted
        )
        return number
    }

    /// Adds a file under a number that no other one has or had.
    mutating func insert(
        _ file: DataFile,
        number: UInt32,
        dataSequenceNumber: Int64,
        deletes: [DeleteFile],
        deleted: DeletedRows
    ) {
        let added = BaseFile(
            file: file,
            dataSequenceNumber: dataSequenceNumber,
            role: FileRole.base(path: file.path),
            partition: partitions.number(of: PartitionKey(file)),
            deletes: deletes,
            deleted: deleted
        )
        files[number] = added
        numbers[file.path] = number
        liveRows += added.liveRows
    }

    /// Forgets a file: places in it are no places any more.
    mutating func retire(_ number: UInt32) {
        guard let file = files.removeValue(forKey: number) else { return }
        numbers[file.file.path] = nil
        liveRows -= file.liveRows
    }

    /// Whether all files have row ids (format version 3). Those from before an upgrade get theirs from a later commit.
    var haveRowIds: Bool { files.values.allSatisfy { $0.file.firstRowId != nil } }

    mutating func setFirstRowId(_ id: Int64?, of number: UInt32) { files[number]?.file.firstRowId = id }

    mutating func setDeletes(_ deletes: [DeleteFile], _ deleted: DeletedRows, of number: UInt32) {
        guard var file = files[number] else { return }
        liveRows -= file.liveRows
        file.deletes = deletes
        file.deleted = deleted
        liveRows += file.liveRows
        files[number] = file
    }
}

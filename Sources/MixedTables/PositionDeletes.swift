import Bytes
import Columnar
import IcebergFormat
import IcebergTables
import ObjectStorage
import Synchronization

/// Rows that position-delete files and deletion vectors remove. Each delete file is read once per scan.
final class PositionDeletes: Sendable {
    // Field ids that Iceberg reserves for position-delete files.
    static let pathField = Field(id: 2_147_483_546, name: "file_path", type: .string, isRequired: true)
    static let positionField = Field(id: 2_147_483_545, name: "pos", type: .long, isRequired: true)

    let storage: any ObjectStorage
    /// Delete file → data file → positions.
    private let cache = Mutex<[String: [String: [Int64]]]>([:])

    init(storage: any ObjectStorage) { self.storage = storage }

    /// The deleted positions of one data file, ascending.
    ///
    /// - Parameter check: called for each batch; an error it throws ends the reading.
    func positions(
        for file: NodeTask.File,
        check: () throws(WeirError) -> Void = {}
    ) throws(WeirError) -> DeletedPositions {
        var all: [Int64] = []
        for delete in file.task.deletes where delete.file.content == .positionDeletes {
            if delete.file.isDeletionVector {
                all += try loadVector(delete.file, of: file.task.file)
                continue
            }
            // A Mixed table's delete file covers the nodes below the one in its name (spec section 5.1).
            if let name = DataFileName(path: delete.file.path), name.type == .positionDelete,
                !file.role.node.isDescendantOrSelf(of: name.node), file.role.node != .root
            {
                continue
            }
            all += try load(delete.file, check)[file.task.file.path] ?? []
        }
        return DeletedPositions(all)
    }

    /// Vectors are not cached: each is for one data file.
    private func loadVector(_ vector: DataFile, of data: DataFile) throws(WeirError) -> [Int64] {
        try vector.requireReadable()
        guard let offset = vector.contentOffset, let size = vector.contentSize, offset >= 0, size >= 0 else {
            throw WeirError(.corrupt, "a deletion vector does not say where in the file it is", at: vector.path)
        }
        do throws(WeirError) {
            let reader = try storage.open(vector.path)
            guard size <= reader.size, offset <= reader.size - size else {
                throw WeirError(.corrupt, "a deletion vector lies outside of the file's \(reader.size) bytes")
            }
            var bytes = [UInt8](repeating: 0, count: Int(size))
            let count = try bytes.withUnsafeMutableBufferPointer { (buffer) throws(WeirError) in
                try reader.read(into: UnsafeMutableRawBufferPointer(buffer), at: offset)
            }
            guard count == bytes.count else { throw WeirError(.corrupt, "the file became shorter while it was read") }
            return try DeletionVector.decode(bytes, cardinality: vector.recordCount, rowCount: data.recordCount)
        } catch {
            throw error.located(at: "\(vector.path), vector at byte \(offset)")
        }
    }

    private func load(
        _ file: DataFile,
        _ check: () throws(WeirError) -> Void
    ) throws(WeirError) -> [String: [Int64]] {
        if let known = cache.withLock({ $0[file.path] }) { return known }
        var byPath: [String: [Int64]] = [:]
        let schema = Schema([Self.pathField, Self.positionField])
        let reader = try DataFileReader.open(file, storage: storage, schema: schema, columns: FileColumns())
        while let (batch, _) = try reader.next() {
            try check()
            let positions = batch.columns[1].pointer(as: Int64.self)
            var row = 0
            while row < batch.count {
                // Rows are sorted by path, so each path is decoded once per run of rows.
                let bytes = batch.columns[0].bytes(row)
                var end = row + 1
                while end < batch.count, batch.columns[0].bytes(end).elementsEqual(bytes) { end += 1 }
                let path = String(decoding: bytes, as: UTF8.self)
                byPath[path, default: []].append(
                    contentsOf: UnsafeBufferPointer(start: positions + row, count: end - row)
                )
                row = end
            }
        }
        cache.withLock { $0[file.path] = byPath }
        return byPath
    }
}

/// Deleted row positions of one data file.
struct DeletedPositions {
    let sorted: [Int64]

    init(_ positions: [Int64]) { sorted = positions.sorted() }

    var isEmpty: Bool { sorted.isEmpty }

    /// The rows of a batch that are not deleted.
    func survivors(firstRow: Int64, count: Int) -> [Int32] {
        var next = sorted.partitioningIndex { $0 >= firstRow }
        var rows: [Int32] = []
        rows.reserveCapacity(count)
        for row in 0..<count {
            let position = firstRow + Int64(row)
            if next < sorted.count, sorted[next] == position {
                while next < sorted.count, sorted[next] == position { next += 1 }
                continue
            }
            rows.append(Int32(row))
        }
        return rows
    }
}

extension [Int64] {
    /// The first index whose element satisfies the predicate, which must hold for a suffix of the array.
    fileprivate func partitioningIndex(where holds: (Int64) -> Bool) -> Int {
        var low = 0
        var high = count
        while low < high {
            let middle = (low + high) / 2
            if holds(self[middle]) { high = middle } else { low = middle + 1 }
        }
        return low
    }
}

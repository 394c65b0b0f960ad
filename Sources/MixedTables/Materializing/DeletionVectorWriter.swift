import Bytes
import IcebergFormat
import IcebergTables
import ObjectStorage

/// Writes the deletion vectors of one commit of format version 3 into one Puffin file.
struct DeletionVectorWriter {
    /// All deleted rows of a data file: it has one vector, which replaces an earlier one.
    struct Job {
        let file: DataFile
        let rows: DeletedRows
    }

    /// Rows that go into a bitmap at a time.
    private static let blockRows = 65_536

    /// Writes the file, which is durable when this returns, and describes each vector, in order.
    ///
    /// - Parameter check: called periodically; an error it throws ends the writing.
    static func write(
        _ jobs: [Job],
        to base: Table,
        random: inout some RandomNumberGenerator,
        check: () throws(WeirError) -> Void
    ) throws(WeirError) -> [DataFile] {
        if jobs.isEmpty { return [] }
        let name = [random.next(), random.next() as UInt64].map { String($0, radix: 16) }.joined(separator: "-")
        let path = "\(base.dataLocation)/\(name)-deletes.puffin"
        var entries: [DeletionVector.Entry] = []
        for job in jobs {
            let positions = PositionBitmap()
            try job.rows.forEachBlock(of: blockRows) { (rows) throws(WeirError) in
                try check()
                positions.insert(rows)
            }
            entries.append(DeletionVector.Entry(dataFile: job.file.path, positions: positions))
        }
        let (bytes, places) = DeletionVector.file(of: entries)
        try base.storage.putNew(path, bytes)
        return zip(jobs, places).map { job, place in
            DataFile(
                content: .positionDeletes,
                path: path,
                format: .puffin,
                partition: job.file.partition,
                specId: job.file.specId,
                recordCount: place.cardinality,
                fileSize: Int64(bytes.count),
                referencedDataFile: job.file.path,
                contentOffset: place.offset,
                contentSize: place.size
            )
        }
    }
}

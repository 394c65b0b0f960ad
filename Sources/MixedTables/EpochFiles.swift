import Bytes
import IcebergFormat

/// The files of the current epoch. They are opened for its first rows, so an epoch without rows has no files.
struct EpochFiles {
    private let open: () -> PartitionedFileWriter
    private var writer: PartitionedFileWriter?

    init(open: @escaping () -> PartitionedFileWriter) { self.open = open }

    /// Approximate number of bytes so far.
    var byteCount: Int64 { writer?.byteCount ?? 0 }
    var isEmpty: Bool { writer == nil }

    mutating func opened() -> PartitionedFileWriter {
        if let writer { return writer }
        let opened = open()
        writer = opened
        return opened
    }

    /// Ends the epoch with durable files. On failure, all of its files are abandoned.
    mutating func cut() throws(WeirError) -> [DataFile] {
        defer { writer = nil }
        do {
            return try writer?.finish() ?? []
        } catch {
            writer?.abandon()
            throw error
        }
    }

    mutating func abandon() {
        writer?.abandon()
        writer = nil
    }
}

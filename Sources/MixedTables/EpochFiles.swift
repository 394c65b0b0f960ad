import Bytes
import IcebergFormat

/// The files of the epoch that is being written. They are opened for its first rows, so that an epoch without rows has none.
struct EpochFiles {
    private let open: () -> PartitionedFileWriter
    private var writer: PartitionedFileWriter?

    init(open: @escaping () -> PartitionedFileWriter) { self.open = open }

    /// Bytes so far, about.
    var byteCount: Int64 { writer?.byteCount ?? 0 }
    var isEmpty: Bool { writer == nil }

    mutating func opened() -> PartitionedFileWriter {
        if let writer { return writer }
        let opened = open()
        writer = opened
        return opened
    }

    /// Ends the epoch with durable files. When that fails, all of them are given up.
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

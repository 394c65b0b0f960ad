import Bytes
import IcebergFormat
import IcebergTables
import MixedTables
import Values

/// Which files of a change store have served their time (spec section 6.7): a decision without I/O.
///
/// A file goes once its changes are in base, it is old enough, and no reader that has named itself needs it any more.
/// Its age counts from its commit, which may have expired long before: snapshots are kept for a shorter time.
public struct ChangeExpiry: Sendable {
    /// Oldest first.
    public private(set) var due: [FileScanTask] = []
    /// Files that base has and that are old enough, and that a consumer has not read yet.
    public private(set) var needed = 0

    /// The change files of an engine's transaction are found by others that look whether it has ended. They stay for
    /// longer than a transaction is waited for.
    private static let transactionAgeMs: Int64 = 3 * 60 * 60_000

    /// - Parameters:
    ///   - files: the live files of the change store.
    ///   - ageMs: the least age of files that go.
    ///   - committed: the latest time at which the commit with a sequence number can have been made; nil if that is not
    ///     known, which keeps its files.
    ///   - readFrom: changes above this sequence number are needed by a consumer.
    ///   - isMerged: whether changes of the file's partition up to a sequence number are in base, whatever state base may
    ///     be taken back to.
    public init(
        _ files: [FileScanTask],
        ageMs: Int64,
        nowMs: Int64,
        committed: (_ sequence: Int64) -> Int64?,
        readFrom: Int64 = .max,
        isMerged: (_ file: DataFile, _ sequence: Int64) -> Bool
    ) {
        for task in files where task.dataSequenceNumber > 0 {
            let role = FileRole.change(path: task.file.path, dataSequenceNumber: task.dataSequenceNumber)
            // A transaction that an engine began has an older number than its commit. Its files are read by the number of
            // the commit, so both must be in base (spec section 6.6).
            let isNamed = role.transactionId != task.dataSequenceNumber
            let age = isNamed ? max(ageMs, Self.transactionAgeMs) : ageMs
            guard let time = committed(task.dataSequenceNumber), nowMs.subtractingClamped(time) > age,
                isMerged(task.file, max(role.transactionId, task.dataSequenceNumber))
            else { continue }
            if task.dataSequenceNumber > readFrom { needed += 1 } else { due.append(task) }
        }
        due.sort { ($0.dataSequenceNumber, $0.file.path) < ($1.dataSequenceNumber, $1.file.path) }
    }

    /// The files in commits of a bounded size.
    public var batches: [ArraySlice<FileScanTask>] {
        stride(from: 0, to: due.count, by: Self.filesPerCommit).map { start in
            due[start..<min(start + Self.filesPerCommit, due.count)]
        }
    }

    static let filesPerCommit = 3000

    public var bytes: Int64 { due.reduce(0) { $0.addingClamped($1.file.fileSize) } }
}

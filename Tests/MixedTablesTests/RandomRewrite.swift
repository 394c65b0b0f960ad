import Bytes
import IcebergFormat
import IcebergTables
import MixedTables
import WeirTesting

/// Rewrites of files that a seed chooses, which are committed some time after they were made.
enum RandomRewrite {
    /// Writes some files of some partitions anew, or the deletes of some; nil if the table has no file.
    static func begin(
        on table: MixedTable,
        _ random: inout SeededGenerator,
        check: () throws(WeirError) -> Void = {}
    ) throws(WeirError) -> BaseRewrite? {
        var groups: [PartitionKey: [FileScanTask]] = [:]
        for task in try table.base.plan() where random.next() % 4 > 0 {
            groups[PartitionKey(task.file), default: []].append(task)
        }
        var tasks: [BaseRewrite.Task] = []
        for (_, files) in groups.sorted(by: { "\($0.key)" < "\($1.key)" }) where random.next() % 4 > 0 {
            let cut = Int(random.next() % UInt64(files.count + 1))
            let parts = [Array(files[..<cut]), Array(files[cut...])]
            for part in parts where !part.isEmpty {
                tasks.append(BaseRewrite.Task(random.next() % 4 == 0 ? .deletes : .rows, part))
            }
        }
        if tasks.isEmpty { return nil }
        return try BaseRewrite.run(tasks, of: table, threads: Int(1 + random.next() % 2), check: check)
    }
}

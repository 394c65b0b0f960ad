import Bytes
import IcebergTables
import Synchronization

/// The groups of files that several threads have written, so that all can be removed when one fails.
final class Written: Sendable {
    private let groups = Mutex<[RewrittenFiles]>([])
    private let failures = Mutex<[String: WeirError]>([:])
    private let base: Table

    init(_ base: Table) { self.base = base }

    var all: [RewrittenFiles] { groups.withLock { $0 } }

    /// Files of tasks that failed, with the reasons.
    var unusable: [String: WeirError] { failures.withLock { $0 } }

    /// Notes what a task gives. One whose files are damaged, gone or of an unknown kind is noted and does not end the others.
    func add(_ task: BaseRewrite.Task, _ work: () throws(WeirError) -> RewrittenFiles) throws(WeirError) {
        do throws(WeirError) {
            let group = try work()
            groups.withLock { $0.append(group) }
        } catch {
            guard [.corrupt, .unsupported, .notFound, .invalid].contains(error.code) else { throw error }
            // Which of the files it is, is not always known.
            let path = task.files.map(\.file.path).first { error.location?.contains($0.lastPathComponent) ?? false }
            failures.withLock { failures in
                for file in task.files where path == nil || file.file.path == path { failures[file.file.path] = error }
            }
        }
    }

    func discard() { for group in all { BaseRewrite.delete(group.outputs, from: base) } }
}

import IcebergTables
import Synchronization

/// The groups of files that several threads have written, so that all can be removed when one fails.
final class Written: Sendable {
    private let groups = Mutex<[RewrittenFiles]>([])
    private let base: Table

    init(_ base: Table) { self.base = base }

    var all: [RewrittenFiles] { groups.withLock { $0 } }

    func add(_ group: RewrittenFiles) { groups.withLock { $0.append(group) } }

    func discard() { for group in all { BaseRewrite.delete(group.outputs, from: base) } }
}

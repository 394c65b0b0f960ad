import Bytes
import ObjectStorage

/// The local file system, where a test does something before a file is opened: it may wait, fail, or commit.
public final class WatchedFileSystem: FileSystem {
    private let real = LocalFileSystem()
    private let onOpen: @Sendable (String, FileAccess) throws(WeirError) -> Void

    public init(onOpen: @escaping @Sendable (_ path: String, _ access: FileAccess) throws(WeirError) -> Void) {
        self.onOpen = onOpen
    }

    public func open(_ path: String, _ access: FileAccess) throws(WeirError) -> any OpenFile {
        try onOpen(path, access)
        return try real.open(path, access)
    }

    public func rename(_ path: String, to target: String) throws(WeirError) { try real.rename(path, to: target) }
    public func remove(_ path: String) throws(WeirError) { try real.remove(path) }
    public func list(_ directory: String) throws(WeirError) -> [FileEntry] { try real.list(directory) }
    public func status(_ path: String) throws(WeirError) -> FileStatus? { try real.status(path) }
    public func makeDirectories(_ path: String) throws(WeirError) { try real.makeDirectories(path) }
    public func syncDirectory(_ path: String) throws(WeirError) { try real.syncDirectory(path) }
}

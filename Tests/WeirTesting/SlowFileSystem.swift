import Bytes
import Foundation
import ObjectStorage
import Synchronization

/// A file system that opens data files slowly and counts them.
public final class SlowFileSystem: FileSystem {
    private let real = LocalFileSystem()
    private let seconds: Double
    private let count = Mutex(0)

    public init(seconds: Double) { self.seconds = seconds }

    /// The number of data files opened.
    public var opened: Int { count.withLock { $0 } }

    public func open(_ path: String, _ access: FileAccess) throws(WeirError) -> any OpenFile {
        if access == .read && path.hasSuffix(".parquet") {
            count.withLock { $0 += 1 }
            Thread.sleep(forTimeInterval: seconds)
        }
        return try real.open(path, access)
    }

    public func rename(_ path: String, to target: String) throws(WeirError) { try real.rename(path, to: target) }
    public func remove(_ path: String) throws(WeirError) { try real.remove(path) }
    public func list(_ directory: String) throws(WeirError) -> [FileEntry] { try real.list(directory) }
    public func status(_ path: String) throws(WeirError) -> FileStatus? { try real.status(path) }
    public func makeDirectories(_ path: String) throws(WeirError) { try real.makeDirectories(path) }
    public func syncDirectory(_ path: String) throws(WeirError) { try real.syncDirectory(path) }
}

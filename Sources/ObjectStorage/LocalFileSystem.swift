import Bytes
import CLinux
import Foundation
import Synchronization

/// The real file system.
public struct LocalFileSystem: FileSystem {
    public init() {}

    public func open(_ path: String, _ access: FileAccess) throws(WeirError) -> any OpenFile {
        let flags: Int32 =
            switch access {
            case .read: O_RDONLY
            case .write: O_RDWR | O_CREAT
            case .create: O_RDWR | O_CREAT | O_EXCL
            }
        let descriptor = Foundation.open(path, flags | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw WeirError.systemCall("open", path, errno) }
        return LocalFile(path: path, descriptor: descriptor)
    }

    public func rename(_ path: String, to target: String) throws(WeirError) {
        guard Foundation.rename(path, target) == 0 else { throw WeirError.systemCall("rename", path, errno) }
    }

    public func remove(_ path: String) throws(WeirError) {
        guard Foundation.remove(path) == 0 else { throw WeirError.systemCall("remove", path, errno) }
    }

    public func list(_ directory: String) throws(WeirError) -> [FileEntry] {
        guard let stream = opendir(directory) else {
            if errno == ENOENT { return [] }
            throw WeirError.systemCall("list", directory, errno)
        }
        defer { closedir(stream) }
        var entries: [FileEntry] = []
        while let entry = readdir(stream) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) {
                String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name == "." || name == ".." { continue }
            var isDirectory = entry.pointee.d_type == UInt8(DT_DIR)
            var isLink = entry.pointee.d_type == UInt8(DT_LNK)
            if entry.pointee.d_type == UInt8(DT_UNKNOWN) || isLink {
                let path = directory + "/" + name
                isDirectory = try status(path)?.isDirectory ?? false
                var info = stat()
                isLink = isLink || (lstat(path, &info) == 0 && info.st_mode & S_IFMT == S_IFLNK)
            }
            entries.append(FileEntry(name: name, isDirectory: isDirectory, isSymbolicLink: isLink))
        }
        return entries
    }

    public func status(_ path: String) throws(WeirError) -> FileStatus? {
        var info = stat()
        guard stat(path, &info) == 0 else {
            if errno == ENOENT || errno == ENOTDIR { return nil }
            throw WeirError.systemCall("stat", path, errno)
        }
        return FileStatus(
            size: Int64(info.st_size),
            isDirectory: info.st_mode & S_IFMT == S_IFDIR,
            modified: Double(info.st_mtim.tv_sec) + Double(info.st_mtim.tv_nsec) / 1e9
        )
    }

    /// Syncs the parent of every new directory, so that a file cannot be durable without its directory.
    public func makeDirectories(_ path: String) throws(WeirError) {
        let parent = path.parentDirectory
        if mkdir(path, 0o755) == 0 { return try syncDirectory(parent) }
        if errno == EEXIST { return }
        guard errno == ENOENT, parent != path else { throw WeirError.systemCall("create directory", path, errno) }
        try makeDirectories(parent)
        guard mkdir(path, 0o755) == 0 || errno == EEXIST else {
            throw WeirError.systemCall("create directory", path, errno)
        }
        try syncDirectory(parent)
    }

    public func syncDirectory(_ path: String) throws(WeirError) {
        let descriptor = Foundation.open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw WeirError.systemCall("open", path, errno) }
        defer { Foundation.close(descriptor) }
        guard fsync(descriptor) == 0 else { throw WeirError.systemCall("sync", path, errno) }
    }
}

extension String {
    /// Everything before the last slash; "." when there is no slash, and "/" at the root.
    public var parentDirectory: String {
        guard let slash = lastIndex(of: "/") else { return "." }
        return slash == startIndex ? "/" : String(self[..<slash])
    }

    /// Everything after the last slash.
    public var lastPathComponent: String {
        guard let slash = lastIndex(of: "/") else { return self }
        return String(self[index(after: slash)...])
    }
}

/// One file descriptor, closed when the last reference is released.
final class LocalFile: OpenFile {
    let path: String
    private let descriptor: Int32
    private let isLocked = Atomic(false)

    init(path: String, descriptor: Int32) {
        self.path = path
        self.descriptor = descriptor
    }

    deinit {
        // Closing alone leaves the lock to a child process that has been forked and has not begun its program yet.
        if isLocked.load(ordering: .relaxed) { _ = weir_unlock(descriptor) }
        Foundation.close(descriptor)
    }

    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) throws(WeirError) -> Int {
        var done = 0
        while done < buffer.count {
            let count = pread(descriptor, buffer.baseAddress! + done, buffer.count - done, off_t(offset) + off_t(done))
            if count == 0 { break }
            if count < 0 {
                if errno == EINTR { continue }
                throw WeirError.systemCall("read", path, errno)
            }
            done += count
        }
        return done
    }

    func write(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws(WeirError) {
        var done = 0
        while done < bytes.count {
            let count = pwrite(descriptor, bytes.baseAddress! + done, bytes.count - done, off_t(offset) + off_t(done))
            if count < 0 {
                if errno == EINTR { continue }
                throw WeirError.systemCall("write", path, errno)
            }
            done += count
        }
    }

    func write(gathering pieces: [UnsafeRawBufferPointer], at offset: Int64) throws(WeirError) {
        var vectors: [iovec] = []
        vectors.reserveCapacity(pieces.count)
        for piece in pieces where piece.count > 0 {
            vectors.append(iovec(iov_base: UnsafeMutableRawPointer(mutating: piece.baseAddress), iov_len: piece.count))
        }
        var next = 0
        var position = off_t(offset)
        while next < vectors.count {
            // The system takes at most 1024 pieces at once.
            let some = Int32(min(vectors.count - next, 1024))
            var count = vectors.withUnsafeBufferPointer { pwritev(descriptor, $0.baseAddress! + next, some, position) }
            if count < 0 {
                if errno == EINTR { continue }
                throw WeirError.systemCall("write", path, errno)
            }
            position += off_t(count)
            while next < vectors.count, count >= vectors[next].iov_len {
                count -= vectors[next].iov_len
                next += 1
            }
            if count > 0 {
                vectors[next].iov_base += count
                vectors[next].iov_len -= count
            }
        }
    }

    func reserve(_ count: Int64, at offset: Int64) {
        _ = weir_fallocate_keep_size(descriptor, offset, count)
    }

    func sync() throws(WeirError) {
        guard fdatasync(descriptor) == 0 else { throw WeirError.systemCall("sync", path, errno) }
    }

    func truncate(to size: Int64) throws(WeirError) {
        guard ftruncate(descriptor, off_t(size)) == 0 else { throw WeirError.systemCall("truncate", path, errno) }
    }

    func size() throws(WeirError) -> Int64 {
        var info = stat()
        guard fstat(descriptor, &info) == 0 else { throw WeirError.systemCall("stat", path, errno) }
        return Int64(info.st_size)
    }

    func tryLock() throws(WeirError) -> Bool {
        let code = weir_lock_exclusive(descriptor)
        if code == EAGAIN || code == EACCES { return false }
        guard code == 0 else { throw WeirError.systemCall("lock", path, code) }
        isLocked.store(true, ordering: .relaxed)
        return true
    }

    // deinit closes the descriptor: another thread may still be inside a read.
    func close() {}
}

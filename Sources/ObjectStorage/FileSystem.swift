import Bytes

/// The file operations of the operating system that the log and local object storage use.
///
/// All data that must survive a crash is written through this protocol, so tests can stop the process between two
/// writes with their own implementation.
public protocol FileSystem: Sendable {
    func open(_ path: String, _ access: FileAccess) throws(WeirError) -> any OpenFile
    /// Replaces `target` atomically.
    func rename(_ path: String, to target: String) throws(WeirError)
    func remove(_ path: String) throws(WeirError)
    /// The entries of a directory in no defined order; empty when the directory does not exist.
    func list(_ directory: String) throws(WeirError) -> [FileEntry]
    /// Nil when nothing is at the path.
    func status(_ path: String) throws(WeirError) -> FileStatus?
    /// Creates the directory and its parents. Succeeds when the directory already exists.
    func makeDirectories(_ path: String) throws(WeirError)
    /// Makes creations, renames and removals inside the directory durable.
    func syncDirectory(_ path: String) throws(WeirError)
}

public enum FileAccess: Sendable, Equatable {
    case read
    /// Read and write; created when absent.
    case write
    /// Read and write; fails with `alreadyExists` when something is at the path.
    case create
}

public struct FileStatus: Sendable, Equatable {
    public let size: Int64
    public let isDirectory: Bool
    /// Seconds since 1970.
    public let modified: Double

    public init(size: Int64, isDirectory: Bool, modified: Double) {
        self.size = size
        self.isDirectory = isDirectory
        self.modified = modified
    }
}

public struct FileEntry: Sendable, Equatable {
    public let name: String
    /// True also for a link to a directory.
    public let isDirectory: Bool
    public let isSymbolicLink: Bool

    public init(name: String, isDirectory: Bool, isSymbolicLink: Bool = false) {
        self.name = name
        self.isDirectory = isDirectory
        self.isSymbolicLink = isSymbolicLink
    }
}

/// An open file. Reads and writes take an offset, so several threads may use one file at once.
public protocol OpenFile: AnyObject, Sendable {
    var path: String { get }
    /// Reads until the buffer is full or the file ends; returns the bytes read.
    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) throws(WeirError) -> Int
    /// Writes all of the bytes.
    func write(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws(WeirError)
    /// Writes the pieces one after another, in one system call where possible.
    func write(gathering pieces: [UnsafeRawBufferPointer], at offset: Int64) throws(WeirError)
    /// Reserves space for later writes without changing the size, so that their syncs need not allocate. This is a
    /// hint: if the file system does not support it or has no room, nothing happens and the later writes may fail.
    func reserve(_ count: Int64, at offset: Int64)
    /// Waits until all written data is on the device (`fdatasync`).
    func sync() throws(WeirError)
    func truncate(to size: Int64) throws(WeirError)
    func size() throws(WeirError) -> Int64
    /// Takes the exclusive lock of this file; false when another open file holds it.
    func tryLock() throws(WeirError) -> Bool
    func close()
}

extension OpenFile {
    public func write(gathering pieces: [UnsafeRawBufferPointer], at offset: Int64) throws(WeirError) {
        var joined: [UInt8] = []
        joined.reserveCapacity(pieces.reduce(0) { $0 + $1.count })
        for piece in pieces { joined.append(contentsOf: piece) }
        try write(joined, at: offset)
    }

    public func reserve(_ count: Int64, at offset: Int64) {}

    public func write(_ bytes: [UInt8], at offset: Int64) throws(WeirError) {
        try bytes.withUnsafeBufferPointer { (buffer) throws(WeirError) in
            try write(UnsafeRawBufferPointer(buffer), at: offset)
        }
    }

    /// The bytes of a range, fewer when the file ends inside it.
    public func read(count: Int, at offset: Int64) throws(WeirError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        let read = try bytes.withUnsafeMutableBufferPointer { (buffer) throws(WeirError) in
            try self.read(into: UnsafeMutableRawBufferPointer(buffer), at: offset)
        }
        bytes.removeLast(count - read)
        return bytes
    }
}

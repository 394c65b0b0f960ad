import Bytes

/// Immutable files for tables: written once under a new name, read at any offset, never changed.
///
/// Paths are locations as in Iceberg metadata (`file:///warehouse/…`, `/warehouse/…`). Calls block, so callers keep
/// them off the cooperative thread pool.
public protocol ObjectStorage: Sendable {
    /// Starts a new object. It may be listed before it is finished, but must not be referenced until then.
    func create(_ path: String) throws(WeirError) -> any ObjectWriter
    func open(_ path: String) throws(WeirError) -> any ObjectReader
    /// Fails with `alreadyExists` when an object with that name exists.
    func putNew(_ path: String, _ bytes: [UInt8]) throws(WeirError)
    func exists(_ path: String) throws(WeirError) -> Bool
    /// Every object below a prefix that ends at a path separator. Symbolic links count as objects and are not followed.
    func list(_ prefix: String) throws(WeirError) -> [ObjectEntry]
    /// Succeeds when the object does not exist.
    func delete(_ path: String) throws(WeirError)
    /// Removes those of the given directories that are empty, on storage that has directories. Symbolic links are
    /// neither removed nor followed.
    ///
    /// - Parameters:
    ///   - directories: at or below the location.
    func removeEmptyDirectories(_ directories: Set<String>, in location: String) throws(WeirError)
}

public struct ObjectEntry: Sendable, Equatable {
    public let path: String
    public let size: Int64
    /// Seconds since 1970.
    public let modified: Double
}

public protocol ObjectWriter: AnyObject, Sendable {
    /// Bytes written so far.
    var count: Int64 { get }
    func write(_ bytes: UnsafeRawBufferPointer) throws(WeirError)
    /// Returns once the object is durable.
    func finish() throws(WeirError)
    /// Abandons the object and removes what was written, where possible.
    func abandon()
}

public protocol ObjectReader: AnyObject, Sendable {
    var path: String { get }
    var size: Int64 { get }
    /// Reads until the buffer is full or the object ends; returns the bytes read.
    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) throws(WeirError) -> Int
}

extension ObjectStorage {
    public func removeEmptyDirectories(_ directories: Set<String>, in location: String) throws(WeirError) {}

    /// A whole object.
    public func read(_ path: String) throws(WeirError) -> [UInt8] {
        let reader = try open(path)
        var bytes = [UInt8](repeating: 0, count: Int(reader.size))
        let count = try bytes.withUnsafeMutableBufferPointer { (buffer) throws(WeirError) in
            try reader.read(into: UnsafeMutableRawBufferPointer(buffer), at: 0)
        }
        guard count == bytes.count else {
            throw WeirError(.corrupt, "the file became shorter while it was read", at: path)
        }
        return bytes
    }
}

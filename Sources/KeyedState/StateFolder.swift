import Bytes
import ObjectStorage
import Synchronization

/// A folder of the local disk that holds the runs of one map and its saved state. One process uses it at a time.
///
/// ```
/// LOCK          taken as long as the folder is open
/// state         what was saved last: a list of runs, and the table state that they reflect (see `SavedList`)
/// 17.runs       runs; no file is changed once it is written
/// ```
/// Nothing is synced: the table can recreate all of it. What a crash of the machine leaves is found by checksums.
public final class StateFolder: Sendable {
    public let path: String
    let files: any FileSystem
    /// What only this owner writes to its lock file.
    private let mark: [UInt8]
    private let lock: Mutex<any OpenFile>
    private let content: Mutex<Content>

    private struct Content: Sendable {
        var nextNumber: UInt64
        /// The files that the saved state needs.
        var saved: Set<String> = []
    }

    static let stateName = "state"
    private static let lockName = "LOCK"
    private static let suffix = ".runs"
    /// A list of runs is far smaller.
    private static let stateBytesMax: Int64 = 1 << 32

    /// Opens the folder, which is created when it is missing.
    ///
    /// - Throws: `locked` when another process uses it.
    public init(_ path: String, files: any FileSystem = LocalFileSystem()) throws(WeirError) {
        self.path = path
        self.files = files
        mark = Array("\(UInt64.random(in: .min ... .max))\n".utf8)
        lock = Mutex(try Self.locked(path, files, mark))
        let numbers = try files.list(path).compactMap { Self.number(of: $0.name) }
        content = Mutex(Content(nextNumber: (numbers.max() ?? 0) + 1))
    }

    private static func locked(
        _ path: String,
        _ files: any FileSystem,
        _ mark: [UInt8]
    ) throws(WeirError) -> any OpenFile {
        try files.makeDirectories(path)
        let file = try files.open("\(path)/\(lockName)", .write)
        guard try file.tryLock() else {
            throw WeirError(
                .locked,
                "another process uses this folder of the key index",
                at: path,
                advice: "stop it, or use another folder"
            )
        }
        // Without it the folder cannot be made again, which a full disk should not keep from being used.
        do throws(WeirError) {
            try file.truncate(to: 0)
            try file.write(mark, at: 0)
        } catch {
            guard error.code == .outOfSpace else { throw error }
        }
        return file
    }

    /// Removes a folder with all that an index has put there.
    ///
    /// - Throws: `locked` when a process uses it.
    public static func remove(_ path: String, files: any FileSystem) throws(WeirError) {
        let folder = try StateFolder(path, files: files)
        folder.forget()
        // Under the lock to the end.
        defer { withExtendedLifetime(folder) {} }
        for name in [stateName + ".next", lockName] where try files.status("\(path)/\(name)") != nil {
            try files.remove("\(path)/\(name)")
        }
        try files.remove(path)
    }

    /// Makes the folder again if somebody has removed it. Files that were in it are gone for others, but those that are
    /// mapped can still be read.
    ///
    /// - Throws: `locked` when another process uses it by now.
    public func restore() throws(WeirError) {
        if isOwn { return }
        // The disk may have been too full for the mark.
        try lock.withLock { (file) throws(WeirError) in try file.write(mark, at: 0) }
        if isOwn { return }
        let new = try Self.locked(path, files, mark)
        lock.withLock { $0 = new }
    }

    /// Whether the lock file is the one that this owner holds.
    private var isOwn: Bool {
        guard let file = try? files.open("\(path)/\(Self.lockName)", .read) else { return false }
        defer { file.close() }
        return (try? file.read(count: mark.count + 1, at: 0)) == mark
    }

    /// Files with higher numbers are not of this folder: there are always numbers left.
    private static let numbers: Range<UInt64> = 0..<(1 << 62)

    private static func number(of name: String) -> UInt64? {
        guard name.hasSuffix(suffix), let number = UInt64(name.dropLast(suffix.count)) else { return nil }
        return numbers.contains(number) ? number : nil
    }

    /// Writes a new file, whose pieces `body` writes one after another; a failure leaves none.
    func write(
        _ body: (_ write: (UnsafeRawBufferPointer) throws(WeirError) -> Void) throws(WeirError) -> Void
    ) throws(WeirError) -> String {
        for _ in 0..<Self.attemptsMax {
            let number = content.withLock { content in
                defer { content.nextNumber += 1 }
                return content.nextNumber
            }
            let name = "\(number)\(Self.suffix)"
            do throws(WeirError) {
                try write(name, .create, body)
                return name
            } catch {
                // A file that somebody else has put there stays as it is: it may be in use.
                guard error.code == .alreadyExists else { throw error }
            }
        }
        throw WeirError(
            .invalid,
            "the folder of the key index has files that are not its own",
            at: path,
            advice: "remove the folder, or use another one; the table can recreate it"
        )
    }

    private static let attemptsMax = 100

    private func write(
        _ name: String,
        _ access: FileAccess,
        _ body: (_ write: (UnsafeRawBufferPointer) throws(WeirError) -> Void) throws(WeirError) -> Void
    ) throws(WeirError) {
        let file: any OpenFile
        do throws(WeirError) {
            file = try files.open("\(path)/\(name)", access)
        } catch {
            throw error.code == .outOfSpace ? Self.full(error) : error
        }
        defer { file.close() }
        do throws(WeirError) {
            if access != .create { try file.truncate(to: 0) }
            var offset: Int64 = 0
            try body { (bytes) throws(WeirError) in
                try file.write(bytes, at: offset)
                offset += Int64(bytes.count)
            }
        } catch {
            try? files.remove("\(path)/\(name)")
            throw error.code == .outOfSpace ? Self.full(error) : error
        }
    }

    private static func full(_ error: WeirError) -> WeirError {
        WeirError(
            .outOfSpace,
            error.message,
            at: error.location,
            advice: "free space on the disk of the folder; the table itself is whole"
        )
    }

    func map(_ name: String) throws(WeirError) -> MappedFile { try MappedFile("\(path)/\(name)") }

    private static let readBytes = 1 << 20

    /// Reads a file once from its beginning to its end. What the disk cannot give is an error here; of a mapped file it
    /// would end the process.
    func readThrough(_ name: String, check: () throws(WeirError) -> Void) throws(WeirError) {
        let file = try files.open("\(path)/\(name)", .read)
        defer { file.close() }
        let size = try file.size()
        var offset: Int64 = 0
        while offset < size {
            try check()
            let count = Int(min(Int64(Self.readBytes), size - offset))
            _ = try file.read(count: count, at: offset)
            offset += Int64(count)
        }
    }

    /// The files of runs, with their sizes in bytes.
    func sizes() throws(WeirError) -> [String: Int] {
        var sizes: [String: Int] = [:]
        for entry in try files.list(path) where Self.number(of: entry.name) != nil {
            if let status = try files.status("\(path)/\(entry.name)") { sizes[entry.name] = Int(status.size) }
        }
        return sizes
    }

    /// Bytes that the files take on disk.
    public var byteCount: Int { ((try? sizes()) ?? [:]).values.reduce(0, +) }

    /// Replaces the saved state, and removes all other files.
    func save(_ state: [UInt8], needing needed: Set<String>) throws(WeirError) {
        let next = Self.stateName + ".next"
        try write(next, .write) { (write) throws(WeirError) in
            try state.withUnsafeBufferPointer { (bytes) throws(WeirError) in try write(UnsafeRawBufferPointer(bytes)) }
        }
        try files.rename("\(path)/\(next)", to: "\(path)/\(Self.stateName)")
        keep(needed)
    }

    /// Whether there is a saved state.
    public var hasState: Bool { ((try? files.status("\(path)/\(Self.stateName)")) ?? nil) != nil }

    /// The bytes of the saved state; nil when there is none.
    func savedState() throws(WeirError) -> [UInt8]? {
        guard let status = try files.status("\(path)/\(Self.stateName)") else { return nil }
        guard status.size <= Self.stateBytesMax else {
            throw WeirError(.corrupt, "the saved state of the key index is too large", at: path)
        }
        let file = try files.open("\(path)/\(Self.stateName)", .read)
        defer { file.close() }
        return try file.read(count: Int(status.size), at: 0)
    }

    /// Notes the files of the saved state, which stay until another one is saved, and removes all others.
    func keep(_ names: Set<String>) {
        content.withLock { $0.saved = names }
        // One that cannot be removed now is removed the next time.
        for entry in (try? files.list(path)) ?? [] where Self.number(of: entry.name) != nil {
            if !names.contains(entry.name) { try? files.remove("\(path)/\(entry.name)") }
        }
    }

    /// Removes all files that the saved state does not need: those of an index that was given up. A folder that somebody
    /// has removed, and that another process may have made again, is left alone.
    public func forgetOthers() {
        if isOwn { keep(content.withLock { $0.saved }) }
    }

    /// Removes the saved state with all its files.
    public func forget() {
        try? files.remove("\(path)/\(Self.stateName)")
        keep([])
    }

    /// Removes files of runs that are no longer used, unless the saved state needs them.
    func remove(_ names: [String]) {
        if names.isEmpty { return }
        let saved = content.withLock { $0.saved }
        // One that cannot be removed now is removed when the state is saved.
        for name in names where !saved.contains(name) { try? files.remove("\(path)/\(name)") }
    }
}

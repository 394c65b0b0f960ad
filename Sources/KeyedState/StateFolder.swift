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
    private let lock: any OpenFile
    private let content: Mutex<Content>

    private struct Content: Sendable {
        var nextNumber: UInt64
        /// The files that the saved state needs.
        var saved: Set<String> = []
    }

    static let stateName = "state"
    private static let suffix = ".runs"

    /// Opens the folder, which is created when it is missing.
    ///
    /// - Throws: `locked` when another process uses it.
    public init(_ path: String, files: any FileSystem = LocalFileSystem()) throws(WeirError) {
        self.path = path
        self.files = files
        try files.makeDirectories(path)
        lock = try files.open(path + "/LOCK", .write)
        guard try lock.tryLock() else {
            lock.close()
            throw WeirError(
                .locked,
                "another process uses this folder of the key index",
                at: path,
                advice: "stop it, or use another folder"
            )
        }
        let numbers = try files.list(path).compactMap { Self.number(of: $0.name) }
        content = Mutex(Content(nextNumber: (numbers.max() ?? 0) + 1))
    }

    deinit { lock.close() }

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
        let number = content.withLock { content in
            defer { content.nextNumber += 1 }
            return content.nextNumber
        }
        let name = "\(number)\(Self.suffix)"
        try write(name, body)
        return name
    }

    private func write(
        _ name: String,
        _ body: (_ write: (UnsafeRawBufferPointer) throws(WeirError) -> Void) throws(WeirError) -> Void
    ) throws(WeirError) {
        let file = try files.open("\(path)/\(name)", .write)
        defer { file.close() }
        do throws(WeirError) {
            try file.truncate(to: 0)
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

    /// Replaces the saved state, and removes the files that neither it nor the map needs.
    func save(_ state: [UInt8], needing needed: Set<String>, besides others: Set<String>) throws(WeirError) {
        let next = Self.stateName + ".next"
        try write(next) { (write) throws(WeirError) in
            try state.withUnsafeBufferPointer { (bytes) throws(WeirError) in try write(UnsafeRawBufferPointer(bytes)) }
        }
        try files.rename("\(path)/\(next)", to: "\(path)/\(Self.stateName)")
        content.withLock { $0.saved = needed }
        // One that cannot be removed now is removed by the next save.
        for entry in (try? files.list(path)) ?? [] where Self.number(of: entry.name) != nil {
            if !needed.contains(entry.name), !others.contains(entry.name) {
                try? files.remove("\(path)/\(entry.name)")
            }
        }
    }

    /// The bytes of the saved state; nil when there is none.
    func savedState() throws(WeirError) -> [UInt8]? {
        guard let status = try files.status("\(path)/\(Self.stateName)") else { return nil }
        let file = try files.open("\(path)/\(Self.stateName)", .read)
        defer { file.close() }
        return try file.read(count: Int(status.size), at: 0)
    }

    /// Notes the files of the saved state, which stay until another one is saved.
    func keep(_ names: Set<String>) { content.withLock { $0.saved = names } }

    /// Removes files of runs that are no longer used, unless the saved state needs them.
    func remove(_ names: [String]) {
        let saved = content.withLock { $0.saved }
        // One that cannot be removed now is removed when the state is saved.
        for name in names where !saved.contains(name) { try? files.remove("\(path)/\(name)") }
    }
}

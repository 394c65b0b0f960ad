import Bytes

/// Objects as files in a local directory tree.
///
/// A finished object is synced together with its directory entry, so durable metadata never refers to data that a crash
/// has lost.
public struct LocalObjectStorage: ObjectStorage {
    private let files: any FileSystem

    public init(files: any FileSystem = LocalFileSystem()) {
        self.files = files
    }

    public func create(_ path: String) throws(WeirError) -> any ObjectWriter {
        let local = Self.localPath(path)
        // Others may remove the folder while it is empty.
        for _ in 0..<Self.createAttempts {
            do {
                return LocalObjectWriter(file: try files.open(local, .create), files: files)
            } catch  where error.code == .notFound {
                try files.makeDirectories(local.parentDirectory)
            }
        }
        return LocalObjectWriter(file: try files.open(local, .create), files: files)
    }

    private static let createAttempts = 8

    public func open(_ path: String) throws(WeirError) -> any ObjectReader {
        try LocalObjectReader(file: files.open(Self.localPath(path), .read))
    }

    public func putNew(_ path: String, _ bytes: [UInt8]) throws(WeirError) {
        let writer = try create(path)
        do {
            try bytes.withUnsafeBufferPointer { (buffer) throws(WeirError) in
                try writer.write(UnsafeRawBufferPointer(buffer))
            }
            try writer.finish()
        } catch {
            writer.abandon()
            throw error
        }
    }

    public func exists(_ path: String) throws(WeirError) -> Bool {
        try files.status(Self.localPath(path)) != nil
    }

    public func list(_ prefix: String) throws(WeirError) -> [ObjectEntry] {
        var entries: [ObjectEntry] = []
        var pending = [prefix.hasSuffix("/") ? String(prefix.dropLast()) : prefix]
        while let directory = pending.popLast() {
            for entry in try files.list(Self.localPath(directory)) {
                let path = directory + "/" + entry.name
                if entry.isDirectory, !entry.isSymbolicLink {
                    pending.append(path)
                } else if let status = try files.status(Self.localPath(path)) {
                    entries.append(ObjectEntry(path: path, size: status.size, modified: status.modified))
                } else if entry.isSymbolicLink {
                    entries.append(ObjectEntry(path: path, size: 0, modified: 0))
                }
            }
        }
        return entries
    }

    public func delete(_ path: String) throws(WeirError) {
        do {
            try files.remove(Self.localPath(path))
        } catch  where error.code == .notFound {}
    }

    public func removeEmptyDirectories(_ directories: Set<String>, in location: String) throws(WeirError) {
        let root = Self.localPath(location)
        let name = root.lastPathComponent
        // Do not delete through symbolic links, including the top directory itself.
        guard let entry = try files.list(root.parentDirectory).first(where: { $0.name == name }), entry.isDirectory,
            !entry.isSymbolicLink
        else { return }
        try prune(root, Set(directories.map(Self.localPath)))
    }

    private func prune(_ directory: String, _ wanted: Set<String>) throws(WeirError) {
        var isEmpty = true
        for entry in try files.list(directory) {
            let path = directory + "/" + entry.name
            if entry.isDirectory, !entry.isSymbolicLink, wanted.contains(path) { try prune(path, wanted) }
            if try files.status(path) != nil || entry.isSymbolicLink { isEmpty = false }
        }
        if isEmpty, wanted.contains(directory) {
            // Another process may have added an entry meanwhile. Removing a directory that is not empty fails, which is
            // fine.
            do { try files.remove(directory) } catch  where error.code == .storage || error.code == .notFound {}
        }
    }

    /// The file system path of a location: the forms `file:/p`, `file:///p`, `file://localhost/p` and `/p` are the same.
    public static func localPath(_ location: String) -> String {
        guard location.hasPrefix("file:") else { return location }
        var rest = location.dropFirst(5)
        if rest.hasPrefix("//") {
            rest = rest.dropFirst(2)
            if rest.hasPrefix("localhost/") { rest = rest.dropFirst(9) }
        }
        return String(rest)
    }
}

final class LocalObjectWriter: ObjectWriter, @unchecked Sendable {
    // Used by one thread at a time: the one that writes the object.
    private(set) var count: Int64 = 0
    private let file: any OpenFile
    private let files: any FileSystem

    init(file: any OpenFile, files: any FileSystem) {
        self.file = file
        self.files = files
    }

    func write(_ bytes: UnsafeRawBufferPointer) throws(WeirError) {
        try file.write(bytes, at: count)
        count += Int64(bytes.count)
    }

    func finish() throws(WeirError) {
        try file.sync()
        file.close()
        try files.syncDirectory(file.path.parentDirectory)
    }

    func abandon() {
        file.close()
        try? files.remove(file.path)
    }
}

final class LocalObjectReader: ObjectReader {
    let size: Int64
    private let file: any OpenFile

    init(file: any OpenFile) throws(WeirError) {
        self.file = file
        size = try file.size()
    }

    var path: String { file.path }

    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) throws(WeirError) -> Int {
        try file.read(into: buffer, at: offset)
    }
}

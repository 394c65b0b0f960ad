import Bytes
import IcebergFormat
import IcebergTables
import ObjectStorage
import Values

/// Files of a store that are to be deleted, unless the table turns out to need them. They stay where they are, so that a
/// reader that has found them before can finish, and a mistake has no effect.
///
/// The list is a file in the store's metadata folder: `weir-quarantine-<number>.json`. A changed list gets the next
/// number, so that two processes cannot write it at the same time, and a crash leaves the one before.
public struct Quarantine: Sendable, Equatable {
    public struct Entry: Sendable, Equatable {
        public let file: FoundFile
        /// When it was put there, milliseconds since 1970.
        public let sinceMs: Int64
    }

    /// By normal path.
    public private(set) var entries: [String: Entry] = [:]

    init() {}

    mutating func add(_ file: FoundFile, nowMs: Int64) {
        entries[FilePath.normal(file.path)] = Entry(file: file, sinceMs: nowMs)
    }

    mutating func remove(_ path: String) { entries[path] = nil }

    // MARK: - JSON

    var json: String {
        let files = entries.sorted { $0.key < $1.key }.map { _, entry in
            JSONValue.object([
                "path": .string(entry.file.path), "size": .integer(entry.file.size),
                "modified-ms": .integer(entry.file.modifiedMs), "class": .string(entry.file.fileClass.rawValue),
                "since-ms": .integer(entry.sinceMs),
            ])
        }
        return JSONValue.object(["format": .integer(1), "files": .array(files)]).text
    }

    init(json bytes: [UInt8]) throws(WeirError) {
        guard let object = try JSONValue.parse(bytes).asObject, try object.long("format") == 1 else {
            throw WeirError(.corrupt, "the list of files in quarantine is of another form")
        }
        for value in try object.array("files") {
            guard let file = value.asObject, let kind = FoundFileClass(rawValue: try file.string("class")) else {
                throw WeirError(.corrupt, "the list of files in quarantine has an entry of another form")
            }
            let found = FoundFile(
                path: try file.string("path"),
                size: try file.long("size"),
                modifiedMs: try file.long("modified-ms"),
                fileClass: kind
            )
            entries[FilePath.normal(found.path)] = Entry(file: found, sinceMs: try file.long("since-ms"))
        }
    }
}

/// The quarantine of a store where it is kept.
struct QuarantineFile {
    let folder: String
    let storage: any ObjectStorage
    /// The lists that are there, by number.
    private let lists: [(number: Int64, path: String)]
    private(set) var quarantine = Quarantine()

    static func isOne(_ path: String) -> Bool { Table.quarantineNumber(of: path) != nil }

    /// - Parameter entries: the files of the metadata folder.
    init(in folder: String, _ entries: [ObjectEntry], _ storage: any ObjectStorage) throws(WeirError) {
        self.folder = folder
        self.storage = storage
        let parent = FilePath.normal(folder)
        lists = entries.compactMap { entry in
            guard FilePath.normal(entry.path) == "\(parent)/\(entry.path.lastPathComponent)" else { return nil }
            return Table.quarantineNumber(of: entry.path).map { ($0, entry.path) }
        }.sorted { $0.number < $1.number }
        for list in lists.reversed() {
            do throws(WeirError) {
                quarantine = try Quarantine(json: try storage.read(list.path))
                return
            } catch  where error.code == .corrupt || error.code == .notFound {
                // A crash has left half of it; the one before is complete. What is not in any list starts again.
            }
        }
    }

    /// Replaces the list. Fails with `conflict` if another process has done so first.
    func write(_ new: Quarantine) throws(WeirError) {
        if new == quarantine, lists.count == (new.entries.isEmpty ? 0 : 1) { return }
        if !new.entries.isEmpty {
            let path = "\(folder)/\(Table.quarantineName((lists.last?.number ?? 0).addingClamped(1)))"
            do throws(WeirError) {
                try storage.putNew(path, Array(new.json.utf8))
            } catch  where error.code == .alreadyExists {
                throw WeirError(
                    .conflict,
                    "another process cleans the table at the same time",
                    at: path,
                    advice: "wait until it is done"
                )
            }
        }
        // The newest last: without it the ones before would be in force again.
        for list in lists { try storage.delete(list.path) }
    }
}

import Bytes
import IcebergFormat
import IcebergTables

/// The folders that the files of one store lie in.
struct StoreFolders: Sendable, Equatable {
    struct Folder: Sendable, Equatable {
        /// As it is listed.
        let path: String
        /// Whether it lies in the table's own folder. Elsewhere other tables may have files too, so there a file is the
        /// table's only if its metadata has named it.
        let isOwn: Bool
        var normal: String { FilePath.normal(path) }
    }

    let location: String
    let data: [Folder]
    let metadata: [Folder]

    var all: [Folder] { data + metadata }

    init(_ table: Table) {
        let location = FilePath.normal(table.location)
        func folders(_ paths: [String]) -> [Folder] {
            var seen: Set<String> = []
            return paths.filter { seen.insert(FilePath.normal($0)).inserted }.map { path in
                Folder(path: path, isOwn: FilePath.isInside(FilePath.normal(path), location))
            }
        }
        self.location = location
        let own = table.location.hasSuffix("/") ? String(table.location.dropLast()) : table.location
        data = folders([own + "/data", table.dataLocation])
        metadata = folders([own + "/metadata", table.metadataFolder])
    }

    func isMetadata(_ path: String) -> Bool { metadata.contains { FilePath.isInside(path, $0.normal) } }
}

/// The folders of a catalog's other tables, which cleaning one must leave alone.
public struct NeighbourFolders: Sendable {
    private struct Neighbour: Sendable {
        let identifier: TableIdentifier
        let location: String
        /// Folders that it shares with nobody.
        let folders: [String]
    }

    private var all: [Neighbour] = []

    /// Reads where the tables of a catalog are.
    ///
    /// - Parameter check: called for each table; an error it throws ends the reading.
    public init(of catalog: any Catalog, check: () throws(WeirError) -> Void = {}) throws(WeirError) {
        for namespace in try catalog.namespaces() {
            for identifier in try catalog.tables(in: namespace) {
                try check()
                do throws(WeirError) {
                    let folders = StoreFolders(try catalog.load(identifier))
                    all.append(
                        Neighbour(
                            identifier: identifier,
                            location: folders.location,
                            folders: folders.all.map(\.normal)
                        )
                    )
                } catch {
                    if error.code == .storage { throw error }
                    // It cannot be read; where its metadata is tells where it is.
                    guard let path = try? catalog.metadataLocation(of: identifier) else { continue }
                    let folder = FilePath.normal(path).parentFolder
                    let location = folder.parentFolder
                    all.append(
                        Neighbour(identifier: identifier, location: location, folders: [folder, location + "/data"])
                    )
                }
            }
        }
    }

    /// The folders of other tables that lie in one of a store's folders.
    ///
    /// Fails with `invalid` if a folder of the store is another table's too: whose the files are cannot be told.
    func excluded(from folders: StoreFolders, of stores: Set<TableIdentifier>) throws(WeirError) -> [String] {
        var excluded: [String] = []
        for neighbour in all where !stores.contains(neighbour.identifier) {
            for folder in folders.all {
                let own = folder.normal
                if let shared = neighbour.folders.first(where: { $0 == own || FilePath.isInside(own, $0) }) {
                    throw WeirError(
                        .invalid,
                        "the folder holds files of table '\(neighbour.identifier)' too, so whose a file is cannot be told: "
                            + "nothing is deleted",
                        at: shared,
                        advice: "drop one of the tables without --purge, or give it a folder of its own"
                    )
                }
                let others = neighbour.folders + [neighbour.location]
                excluded += others.filter { FilePath.isInside($0, own) }
            }
        }
        return excluded
    }
}

extension String {
    fileprivate var parentFolder: String {
        guard let slash = lastIndex(of: "/") else { return "" }
        return String(self[..<slash])
    }
}

import ArgumentParser
import Bytes
import EventLog
import Foundation
import IcebergFormat
import IcebergTables
import MixedTables

/// The options for the location of tables and log.
struct WarehouseOptions: ParsableArguments {
    @Option(help: "Folder of tables, catalog and log (default: WEIR_WAREHOUSE or ./warehouse).")
    var warehouse: String?

    @Option(
        help: """
            sqlite:PATH or postgresql://USER@HOST/DATABASE (default: WEIR_CATALOG or catalog.db in the warehouse).
            """
    )
    var catalog: String?

    @Option(help: "Name of the catalog in its database (default: WEIR_CATALOG_NAME or weir).")
    var catalogName: String?

    @Option(help: "Folder of the file log (default: WEIR_LOG_ROOT or log in the warehouse).")
    var logRoot: String?

    /// Resolves these options to locations.
    ///
    /// - Parameters:
    ///   - topology: the settings of a topology's sink. The command line overrides them; they override the environment.
    ///   - topologyName: the catalog name that the sink sets.
    func locations(
        topology: (warehouse: String?, catalog: String?) = (nil, nil),
        catalogName topologyName: String? = nil,
        environment: [String: String] = ProcessInfo.processInfo.environment
    ) throws(WeirError) -> WarehouseLocations {
        func first(_ candidates: String?...) -> String? { candidates.lazy.compactMap(\.self).first { !$0.isEmpty } }
        let folder = first(warehouse, topology.warehouse, environment["WEIR_WAREHOUSE"]) ?? "./warehouse"
        // A warehouse named on the command line or in a topology uses its own catalog and log, not those from the
        // environment.
        let isNamed = warehouse != nil || topology.warehouse != nil
        let ambient = isNamed && environment["WEIR_WAREHOUSE"] != folder ? [:] : environment
        return try WarehouseLocations(
            warehouse: folder,
            catalog: first(catalog, topology.catalog, ambient["WEIR_CATALOG"]),
            catalogName: first(catalogName, topologyName, ambient["WEIR_CATALOG_NAME"]),
            logRoot: first(logRoot, ambient["WEIR_LOG_ROOT"])
        )
    }
}

/// A warehouse folder, its catalog and its log.
struct WarehouseLocations: Sendable, Equatable {
    let warehouse: String
    let catalog: CatalogPlace
    /// Distinguishes catalogs that share a database.
    let catalogName: String
    let logRoot: String

    init(
        warehouse: String,
        catalog: String? = nil,
        catalogName: String? = nil,
        logRoot: String? = nil
    ) throws(WeirError) {
        self.catalogName = catalogName ?? SQLiteCatalog.defaultName
        guard !warehouse.contains("://") || warehouse.hasPrefix("file://") else {
            throw WeirError(
                .unsupported,
                "the warehouse '\(warehouse)' is not a local folder",
                advice: "object stores are not supported yet; name a folder"
            )
        }
        let local = warehouse.hasPrefix("file://") ? String(warehouse.dropFirst("file://".count)) : warehouse
        let folder = local.count > 1 && local.hasSuffix("/") ? String(local.dropLast()) : local
        self.warehouse = folder
        self.logRoot = logRoot ?? folder + "/log"
        self.catalog =
            try catalog.map { (text) throws(WeirError) in try CatalogPlace(text) } ?? .file(folder + "/catalog.db")
    }

    /// The catalog of an existing warehouse. Throws if there is none, so that read-only commands create nothing.
    func existingCatalog() throws(WeirError) -> any Catalog {
        try catalog.openedIfThere(name: catalogName, warehouse: warehouse)
    }

    /// Opens the catalog and creates it if it does not exist.
    ///
    /// - Parameter patience: how to wait for a locked catalog. Default: one minute, with a note on standard error.
    func openedCatalog(patience: CatalogPatience? = nil) throws(WeirError) -> any Catalog {
        try catalog.opened(name: catalogName, warehouse: warehouse, patience: patience)
    }

    func log() throws(WeirError) -> FileLog { try FileLog(root: logRoot) }

    func table(_ name: String) throws(WeirError) -> MixedTable {
        try MixedTable.load(try TableIdentifier(name), from: try existingCatalog())
    }

    /// The options with which another command uses the same locations; empty if the defaults are the same.
    var commandOptions: String {
        var text = ""
        if warehouse != "./warehouse" && warehouse != "warehouse" { text += " --warehouse \(Self.quoted(warehouse))" }
        if catalog != .file(warehouse + "/catalog.db") { text += " --catalog \(Self.quoted(catalog.option))" }
        if catalogName != SQLiteCatalog.defaultName { text += " --catalog-name \(Self.quoted(catalogName))" }
        if logRoot != warehouse + "/log" { text += " --log-root \(Self.quoted(logRoot))" }
        return text
    }

    private static func quoted(_ text: String) -> String {
        let isPlain = text.allSatisfy { $0.isLetter || $0.isNumber || "/._-:+@%".contains($0) }
        return isPlain ? text : "'" + text.replacingOccurrences(of: "'", with: "'\\''") + "'"
    }
}

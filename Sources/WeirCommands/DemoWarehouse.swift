import Bytes
import EventLog
import Foundation
import IcebergFormat
import IcebergTables
import ObjectStorage

/// The demo's folder. The demo reuses a folder only if it created it.
struct DemoWarehouse {
    let locations: WarehouseLocations
    private let files = LocalFileSystem()

    var topologyPath: String { locations.warehouse + "/shop.yaml" }
    private var markerPath: String { locations.warehouse + "/.weir/demo" }

    init(_ locations: WarehouseLocations) { self.locations = locations }

    /// Creates the folder, or removes an earlier demo's tables, topics and files from it. Everything else stays.
    func prepare() throws(WeirError) {
        if try files.status(markerPath) != nil {
            try removeTables()
            try removeTopics()
            for path in [topologyPath, "\(locations.warehouse)/dead-letters/\(DemoTopology.name).ndjson"] {
                if try files.status(path) != nil { try files.remove(path) }
            }
            return
        }
        // A folder that does not exist lists as an empty one.
        let isTaken = try !files.list(locations.warehouse).isEmpty
        let hasOthers = try hasOtherTables()
        if hasOthers, case .postgres(let address) = locations.catalog {
            throw WeirError(
                .alreadyExists,
                "the catalog has a database '\(DemoTopology.name)' that was not made by the demo here",
                at: address.description,
                advice: "give the demo a catalog name of its own, such as --catalog-name demo, or another database"
            )
        }
        guard !isTaken, !hasOthers else {
            throw WeirError(
                .alreadyExists,
                "the warehouse \(locations.warehouse) was not made by the demo",
                advice: "choose a new folder: weir demo --warehouse ./weir-demo"
            )
        }
        try files.makeDirectories(locations.warehouse + "/.weir")
        let marker = try files.open(markerPath, .write)
        try marker.write(Array("made by weir demo, which may remove its tables and topics again\n".utf8), at: 0)
        try marker.sync()
        marker.close()
    }

    /// Whether the demo would write into a catalog file that it did not make, or between tables of a database.
    private func hasOtherTables() throws(WeirError) -> Bool {
        guard try locations.catalog.exists() else { return false }
        if case .file = locations.catalog { return true }
        return try locations.existingCatalog().namespaces().contains([DemoTopology.name])
    }

    private func removeTables() throws(WeirError) {
        guard try locations.catalog.exists() else { return }
        let catalog = try locations.existingCatalog()
        guard try catalog.namespaces().contains([DemoTopology.name]) else { return }
        let own = Set(DemoTopology.tables + DemoTopology.tables.map { $0 + "_change_" })
        for table in try catalog.tables(in: [DemoTopology.name]) where own.contains(table.name) {
            try catalog.drop(table, purge: true)
        }
    }

    private func removeTopics() throws(WeirError) {
        let log = try locations.log()
        let own = ShopStream.Table.allCases.map(\.topic)
        for topic in try log.topics() where own.contains(topic) { try log.deleteTopic(topic) }
    }

    /// Writes the topology file and returns its text.
    func writeTopology() throws(WeirError) -> String {
        let text = DemoTopology.text(warehouse: locations.warehouse, command: topologyPath)
        let file = try files.open(topologyPath, .write)
        try file.truncate(to: 0)
        try file.write(Array(text.utf8), at: 0)
        try file.sync()
        file.close()
        return text
    }
}

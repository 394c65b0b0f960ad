import Bytes
import EventLog
import Foundation
import IcebergFormat
import IcebergTables
import ObjectStorage

/// The demo's folder. The demo reuses a folder only if it created it.
struct DemoWarehouse {
    let places: WarehousePlaces
    private let files = LocalFileSystem()

    var topologyPath: String { places.warehouse + "/shop.yaml" }
    private var markerPath: String { places.warehouse + "/.weir/demo" }

    init(_ places: WarehousePlaces) { self.places = places }

    /// Creates the folder, or removes an earlier demo's tables, topics and files from it. Everything else stays.
    func prepare() throws(WeirError) {
        if try files.status(markerPath) != nil {
            try removeTables()
            try removeTopics()
            for path in [topologyPath, "\(places.warehouse)/dead-letters/\(DemoTopology.name).ndjson"] {
                if try files.status(path) != nil { try files.remove(path) }
            }
            return
        }
        // A folder that does not exist lists as an empty one.
        let isTaken = try !files.list(places.warehouse).isEmpty
        let hasOtherPlaces = FileManager.default.fileExists(atPath: places.catalogPath)
        guard !isTaken, !hasOtherPlaces else {
            throw WeirError(
                .alreadyExists,
                "the warehouse \(places.warehouse) was not made by the demo",
                advice: "choose a new folder: weir demo --warehouse ./weir-demo"
            )
        }
        try files.makeDirectories(places.warehouse + "/.weir")
        let marker = try files.open(markerPath, .write)
        try marker.write(Array("made by weir demo, which may remove its tables and topics again\n".utf8), at: 0)
        try marker.sync()
        marker.close()
    }

    private func removeTables() throws(WeirError) {
        guard FileManager.default.fileExists(atPath: places.catalogPath) else { return }
        let catalog = try places.openedCatalog()
        guard try catalog.namespaces().contains([DemoTopology.name]) else { return }
        let own = Set(DemoTopology.tables + DemoTopology.tables.map { $0 + "_change_" })
        for table in try catalog.tables(in: [DemoTopology.name]) where own.contains(table.name) {
            try catalog.drop(table, purge: true)
        }
    }

    private func removeTopics() throws(WeirError) {
        let log = try places.log()
        let own = ShopStream.Table.allCases.map(\.topic)
        for topic in try log.topics() where own.contains(topic) { try log.deleteTopic(topic) }
    }

    /// Writes the topology file and returns its text.
    func writeTopology() throws(WeirError) -> String {
        let text = DemoTopology.text(warehouse: places.warehouse, command: topologyPath)
        let file = try files.open(topologyPath, .write)
        try file.truncate(to: 0)
        try file.write(Array(text.utf8), at: 0)
        try file.sync()
        file.close()
        return text
    }
}

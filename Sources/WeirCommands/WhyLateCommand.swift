import ArgumentParser
import Bytes
import MixedTables
import ObjectStorage
import StreamRuntime
import Topology

struct WhyLateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "why-late",
        abstract: "Name the stage that holds a table's changes back.",
        discussion: """
            Shows how long changes take from the source to the table and to its base store, stage by stage, and what takes \
            longest or stands still. Example: weir why-late shop.orders --topology shop.yaml
            """
    )

    @OptionGroup var options: WarehouseOptions
    @OptionGroup var output: OutputOptions

    @Argument(help: "The table, as DB.TABLE.")
    var table: String

    @Option(help: "The topology that writes the table; its topics and brokers are looked at.")
    var topology: String?

    func run() throws {
        let topology = try self.topology.map { (path) throws(WeirError) in
            try Topology.load(path: path, overrides: []).topology
        }
        let locations =
            try topology.map { (topology) throws(WeirError) in try options.locations(topology) }
            ?? options.locations()
        let source = try locations.table(table)
        let picture = try Self.picture(source, topology, locations)
        let lateness = Lateness(picture)
        let listing = FreshnessListing(picture.freshness, now: picture.now)
        let out = StandardOutput()
        guard output.format == .table else {
            var properties = Properties()
            properties.set("table", .string(source.identifier.description))
            properties.set("stage", .optional(lateness.stage))
            properties.set("reason", .string(lateness.reason))
            properties.set("advice", .optional(lateness.advice))
            properties.set("waiting_records", .optional(picture.waiting))
            properties.set("process", .optional(picture.process))
            properties.set("newest_record", .optional(picture.newestRecord.map { TimeText.text($0) }))
            listing.add(to: &properties)
            return try properties.print(output.format, to: out)
        }
        try listing.stages.print(.table, to: out)
        out.line("")
        out.line((lateness.stage.map { "\($0): " } ?? "") + lateness.reason)
        if let advice = lateness.advice { out.line(advice) }
        try out.flush()
    }

    private static func picture(
        _ table: MixedTable,
        _ topology: Topology?,
        _ locations: WarehouseLocations
    ) throws(WeirError) -> Lateness.Picture {
        if let topology, !(topology.tables.map(\.name) + topology.joins.map(\.name)).contains("\(table.identifier)") {
            throw WeirError(.notFound, "topology '\(topology.name)' does not write \(table.identifier)")
        }
        var picture = Lateness.Picture(now: TimeText.nowMilliseconds, freshness: try Freshness(table))
        picture.waiting =
            if let topology {
                try WaitingRecords.count(topology, locations, of: table)
            } else {
                try? WaitingRecords.count(locations, of: table)
            }
        let holder = try? TopologyLock.holder(
            of: table.identifier.description,
            warehouse: locations.warehouse,
            files: LocalFileSystem()
        )
        picture.process = holder?.process
        for topology in table.topologies {
            let times = try table.lastRecords(topology: topology).marks.values.map(\.timestamp)
            picture.newestRecord = (times + [picture.newestRecord].compactMap(\.self)).filter { $0 >= 0 }.max()
        }
        picture.refreshInterval = table.properties["base.refresh-interval"].flatMap { Int64($0) }
        return picture
    }
}

import ArgumentParser
import Bytes
import ChangeEvents
import IcebergFormat
import IcebergTables
import MixedTables

struct TableDescribeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "describe",
        abstract: "Show a table's columns, key, partitions, properties, state and source positions.",
        discussion: "Example: weir table describe shop.orders -o json"
    )

    @OptionGroup var options: WarehouseOptions
    @OptionGroup var output: OutputOptions

    @Argument(help: "The table, as DB.TABLE.")
    var table: String

    @OptionGroup var state: SnapshotOption

    func run() throws {
        let (source, point) = try state.state(of: try options.locations().table(table))
        let description = try TableDescription(source, at: point, now: TimeText.nowMilliseconds)
        let out = StandardOutput()
        guard output.format == .table else { return try description.properties.print(output.format, to: out) }
        try description.properties.print(
            .table,
            hiding: ["columns", "properties", "positions", "optimized", "freshness"],
            to: out
        )
        try section("columns", description.columns, out)
        try section("optimized sequence by partition", description.optimized, out)
        try section("freshness", description.freshness, out)
        try section("source positions", description.positions, out)
        try section("properties", description.settings, out)
    }

    private func section(_ title: String, _ listing: Listing, _ out: StandardOutput) throws(WeirError) {
        if listing.rows.isEmpty { return }
        out.line("\n" + Terminal.output.colored(title, 1))
        try listing.print(.table, to: out)
    }
}

/// A table's metadata as properties and listings.
struct TableDescription {
    private(set) var properties = Properties()
    private(set) var columns = Listing("id", "column", "type", "required", "key")
    private(set) var optimized = Listing("partition", "sequence", "optimized_at")
    private(set) var positions = Listing("topology", "topic", "partition", "next_offset")
    private(set) var freshness = Listing("stage", "median_ms", "newest_ms", "at")
    private(set) var settings = Listing("property", "value")

    /// - Parameters:
    ///   - point: the state of the stores and columns. Properties, positions and freshness are always the current ones.
    ///   - now: milliseconds since 1970.
    init(_ table: MixedTable, at point: ReadPoint, now: Int64) throws(WeirError) {
        for field in table.schema.fields {
            let index = table.primaryKey.firstIndex { $0.id == field.id }
            columns.add(
                .count(field.id),
                .string(field.name),
                .string(field.type.description),
                .bool(field.isRequired),
                index.map { .count($0 + 1) } ?? .null
            )
        }
        try addPositions(table)
        try addOptimized(table, baseSnapshotId: point.baseSnapshotId)
        for (key, value) in table.properties.sorted(by: { $0.key < $1.key })
        where !key.hasPrefix(PositionLedger.propertyName(topology: "")) {
            settings.add(.string(key), .string(value))
        }
        let isMixed = TableMarkers.isBase(table.properties)
        properties.set("table", .string(table.identifier.description))
        properties.set("kind", .string(table.isKeyed ? "keyed" : isMixed ? "unkeyed" : "iceberg"))
        properties.set("location", .string(table.base.location))
        properties.set("change_location", .optional(table.change?.location))
        properties.set("metadata", .string(table.base.metadataLocation))
        properties.set("format_version", .count(table.base.metadata.formatVersion))
        properties.set("primary_key", table.isKeyed ? .array(table.primaryKey.map { .string($0.name) }) : .null)
        properties.set("partition_by", .array(table.partitionTexts.map { .string($0) }))
        add(table.base, point.baseSnapshotId, as: "base")
        if let change = table.change { add(change, point.changeSnapshotId, as: "change") }
        let stages = FreshnessListing(try Freshness(table), now: now)
        stages.add(to: &properties)
        freshness = stages.stages
        properties.set("columns", .array(columns.objects))
        properties.set("optimized", .array(optimized.objects))
        properties.set("positions", .array(positions.objects))
        properties.set("properties", .object(JSONObject(texts: table.properties)))
    }

    /// Adds a store's counts from a snapshot summary.
    private mutating func add(_ store: Table, _ snapshotId: Int64?, as name: String) {
        let snapshot = snapshotId.flatMap { store.metadata.snapshot(id: $0) }
        func total(_ key: String) -> JSONValue { .optional(snapshot?.summary[key].flatMap { Int64($0) }) }
        properties.set("\(name)_snapshot", .optional(snapshot?.id))
        properties.set("\(name)_sequence", .optional(snapshot?.sequenceNumber))
        properties.set("\(name)_committed_at", .optional(snapshot.map { TimeText.text($0.timestampMs) }))
        properties.set("\(name)_snapshots", .count(store.snapshots.count))
        properties.set("\(name)_files", total("total-data-files"))
        properties.set("\(name)_rows", total("total-records"))
        properties.set("\(name)_bytes", total("total-files-size"))
    }

    private mutating func addPositions(_ table: MixedTable) throws(WeirError) {
        for topology in table.topologies {
            for (source, next) in try table.ledger(topology: topology).positions.sorted(by: { $0.key < $1.key }) {
                positions.add(.string(topology), .string(source.topic), .count(source.partition), .integer(next))
            }
        }
    }

    private mutating func addOptimized(_ table: MixedTable, baseSnapshotId: Int64?) throws(WeirError) {
        guard table.isKeyed else { return }
        let map = try OptimizedSequence.read(table.base, snapshotId: baseSnapshotId)
        for (path, sequence) in map.sequences.sorted(by: { $0.key < $1.key }) {
            let time = map.times[path].map { TimeText.text($0) }
            optimized.add(.string(path.isEmpty ? "(all)" : path), .integer(sequence), .optional(time))
        }
    }
}

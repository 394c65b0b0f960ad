import ArgumentParser
import Bytes
import EventLog
import IcebergFormat

struct LogDescribeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "describe",
        abstract: "Show the partitions of a topic: offsets, segments, sizes, times.",
        discussion: "Example: weir log describe shop.public.orders"
    )

    @OptionGroup var options: WarehouseOptions
    @OptionGroup var output: OutputOptions

    @Argument(help: "The topic.")
    var topic: String

    func run() throws {
        var listing = Listing(
            "partition",
            "earliest_offset",
            "end_offset",
            "records",
            "segments",
            "bytes",
            "oldest",
            "newest"
        )
        let description = try options.locations().log().describe(topic)
        for partition in description.partitions {
            let oldest = partition.segments.compactMap(\.firstTimestamp).first
            let newest = partition.segments.compactMap(\.newestTimestamp).max()
            listing.add(
                .count(partition.partition),
                .integer(partition.earliest),
                .integer(partition.end),
                .integer(partition.records),
                .count(partition.segments.count),
                .integer(partition.byteCount),
                .optional(oldest.map { TimeText.text($0) }),
                .optional(newest.map { TimeText.text($0) })
            )
        }
        try listing.print(output.format, to: StandardOutput())
        // The counts cover only the records before the damage.
        if let damage = description.damage { throw damage }
    }
}

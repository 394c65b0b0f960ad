import ArgumentParser
import Bytes
import EventLog
import IcebergFormat

struct LogListCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ls",
        abstract: "List topics.",
        discussion: "Example: weir log ls -o json"
    )

    @OptionGroup var options: WarehouseOptions
    @OptionGroup var output: OutputOptions

    func run() throws {
        let log = try options.locations().log()
        var listing = Listing("topic", "partitions", "records", "bytes", "newest")
        var damage: WeirError?
        for topic in try log.topics() {
            let description = try log.describe(topic)
            damage = damage ?? description.damage
            let newest = description.partitions.flatMap(\.segments).compactMap(\.newestTimestamp).max()
            listing.add(
                .string(topic),
                .count(description.partitions.count),
                .integer(description.records),
                .integer(description.byteCount),
                .optional(newest.map { TimeText.text($0) })
            )
        }
        if listing.rows.isEmpty { output.talk.note("there are no topics in \(log.root)") }
        try listing.print(output.format, to: StandardOutput())
        // The counts of that topic cover only the records before the damage.
        if let damage { throw damage }
    }
}

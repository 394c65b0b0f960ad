import ArgumentParser
import Bytes
import EventLog

struct LogCreateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "create",
        abstract: "Create a topic.",
        discussion: """
            Settings have Kafka's names: retention.ms, retention.bytes, segment.ms, segment.bytes. Example:
              weir log create shop.public.orders --partitions 4 --config retention.ms=604800000
            """
    )

    @OptionGroup var options: WarehouseOptions
    @OptionGroup var output: OutputOptions

    @Argument(help: "The topic: letters, digits, '.', '_' and '-'.")
    var topic: String

    @Option(help: "Partitions; records of one key stay in one of them.")
    var partitions = 1

    @Option(help: ArgumentHelp("A setting of the topic; may be given again.", valueName: "name=value"))
    var config: [String] = []

    @Flag(help: "Do nothing when the topic is there already.")
    var ifNotExists = false

    func run() throws {
        let log = try options.locations().log()
        var properties: [String: String] = [:]
        for setting in config {
            let parts = setting.split(separator: "=", maxSplits: 1).map(String.init)
            guard parts.count == 2 else { throw ValidationError("--config takes name=value, not '\(setting)'") }
            properties[parts[0]] = parts[1]
        }
        var isNew = true
        do throws(WeirError) {
            try log.createTopic(topic, partitions: partitions, properties: properties)
        } catch {
            guard error.code == .alreadyExists, ifNotExists else { throw error }
            isNew = false
        }
        guard output.format == .table else {
            var properties = Properties()
            properties.set("topic", .string(topic))
            properties.set("created", .bool(isNew))
            return try properties.print(output.format, to: StandardOutput())
        }
        output.talk.note(
            isNew
                ? "created topic \(topic) with \(HumanText.count(partitions, "partition"))"
                : "topic \(topic) exists already"
        )
    }
}

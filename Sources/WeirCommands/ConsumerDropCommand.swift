import ArgumentParser
import Bytes
import MixedTables

struct ConsumerDropCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "drop",
        abstract: "Drop a consumer with what it keeps from expiry.",
        discussion: """
            Not while a process reads for the consumer. Example: weir consumer drop shop.orders search
            """
    )

    @OptionGroup var options: WarehouseOptions
    @OptionGroup var output: OutputOptions

    @Argument(help: "The table, as DB.TABLE.")
    var table: String

    @Argument(help: "The consumer's name.")
    var name: String

    func run() throws {
        let source = try options.locations().table(table)
        let consumers = source.consumers
        guard consumers.all[name] != nil || consumers.damaged.contains(name) else {
            let known = consumers.all.keys.sorted() + consumers.damaged
            throw WeirError(
                .notFound,
                "\(source.identifier) has no consumer '\(name)'",
                advice: NearestName.advice(for: name, among: known) ?? "it has none"
            )
        }
        let now = TimeText.nowMilliseconds
        _ = try source.dropping(consumer: name, nowMilliseconds: now, isGone: ConsumerProcess.isGone)
        guard output.format == .table else {
            var properties = Properties()
            properties.set("table", .string(source.identifier.description))
            properties.set("consumer", .string(name))
            return try properties.print(output.format, to: StandardOutput())
        }
        output.talk.note("consumer '\(name)' of \(source.identifier) is dropped")
    }
}

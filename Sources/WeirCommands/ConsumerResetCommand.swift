import ArgumentParser
import Bytes
import MixedTables

struct ConsumerResetCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reset",
        abstract: "Move a consumer to another place, or make one before its first reader.",
        discussion: """
            The next 'weir read --consumer' begins there. Not while a process reads for the consumer. Example: \
            weir consumer reset shop.orders search --to full
            """
    )

    @OptionGroup var options: WarehouseOptions
    @OptionGroup var output: OutputOptions

    @Argument(help: "The table, as DB.TABLE.")
    var table: String

    @Argument(help: "The consumer's name.")
    var name: String

    @Option(help: "\(ReadStart.forms).")
    var to: String

    @Option(name: .customLong("consumer-ttl"), help: "As in weir read.")
    var consumerTTL: String?

    func validate() throws {
        try UsageMistake.check { () throws(WeirError) in
            _ = try ReadStart(to)
            try Consumer.check(name: name)
            if let consumerTTL { _ = try ConsumerTTL.parse(consumerTTL) }
        }
    }

    func run() throws {
        let start = try ReadStart(to)
        let ttlMs = try consumerTTL.map { (text) throws(WeirError) in try ConsumerTTL.parse(text) }
        let source = try options.locations().table(table)
        let now = TimeText.nowMilliseconds
        let isNew = source.consumers.all[name] == nil && !source.consumers.damaged.contains(name)
        let (changed, beginning) = try ConsumerStart.retrying(source) { (table) throws(WeirError) in
            let beginning = try start.resolve(in: table)
            let place = try beginning.place(in: table)
            let changed = try table.resetting(
                consumer: name,
                to: place,
                ttlMs: ttlMs,
                nowMilliseconds: now,
                isGone: ConsumerProcess.isGone
            )
            return (changed, beginning)
        }
        if let notice = beginning.notice { output.talk.note(notice) }
        guard let consumer = try changed.consumer(name) else { return }
        guard output.format == .table else {
            var properties = Properties()
            properties.set("table", .string(changed.identifier.description))
            properties.set("consumer", .string(name))
            properties.set("position", .string(consumer.place.short))
            return try properties.print(output.format, to: StandardOutput())
        }
        let verb = isNew ? "is new and begins" : "goes on"
        output.talk.note("consumer '\(name)' of \(changed.identifier) \(verb) \(consumer.place.text)")
    }
}

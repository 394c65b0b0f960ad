import ArgumentParser
import Bytes
import IcebergFormat
import IcebergTables
import MixedTables

struct ConsumerListCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ls",
        abstract: "List the consumers of a table: how far they are, and what they keep from expiry.",
        discussion: """
            'position' is the last commit that was read to its end, with +K if K changes of the next one were read too, and \
            'rows' for one that reads the rows it begins with. 'lag_ms' is how old the oldest commit is that was not read. \
            A consumer that was silent for longer than its TTL has lapsed: it keeps nothing any more, and goes on if what \
            it needs is there still; 'missing' says that it is not. Example: weir consumer ls shop.orders -o json
            """
    )

    @OptionGroup var options: WarehouseOptions
    @OptionGroup var output: OutputOptions

    @Argument(help: "The table, as DB.TABLE.")
    var table: String

    func run() throws {
        let source = try options.locations().table(table)
        let now = TimeText.nowMilliseconds
        var listing = Listing(
            "consumer",
            "position",
            "state",
            "lag_commits",
            "lag_changes",
            "lag_ms",
            "progress_at",
            "seen_at",
            "ttl_ms",
            "reader",
            "pins"
        )
        let consumers = source.consumers
        for (name, consumer) in consumers.all.sorted(by: { $0.key < $1.key }) {
            let lag = try ConsumerLag(of: consumer, in: source, nowMilliseconds: now)
            let isLive = consumer.isLive(nowMilliseconds: now)
            let reader = consumer.session.flatMap { session in
                session.untilMs > now && !ConsumerProcess.isGone(session)
                    ? "process \(session.process) on \(session.host)" : nil
            }
            listing.add(
                .string(name),
                .string(consumer.place.short),
                .string(lag == nil ? "missing" : isLive ? "live" : "lapsed"),
                .optional(lag?.commits),
                .optional(lag?.changes),
                .optional(lag?.milliseconds),
                .string(TimeText.text(consumer.progressMs)),
                .string(TimeText.text(consumer.seenMs)),
                .integer(consumer.ttlMs),
                .optional(reader),
                .optional(isLive ? pins(consumer, name) : nil)
            )
        }
        for name in consumers.damaged {
            listing.add(
                .string(name),
                .null,
                .string("damaged"),
                .null,
                .null,
                .null,
                .null,
                .null,
                .null,
                .null,
                .string("all changes")
            )
        }
        try listing.print(output.format, to: StandardOutput())
        let bad = consumers.damaged.map { "consumer '\($0)' is damaged" }
        for text in bad {
            output.talk.note("\(text); 'weir consumer reset' writes it anew, 'weir consumer drop' removes it")
        }
    }

    private func pins(_ consumer: Consumer, _ name: String) -> String {
        let changes = "changes after commit \(consumer.pin.neededAbove)"
        return consumer.place.rows == nil ? changes : "\(changes), tag \(Consumer.tagName(name))"
    }
}

extension ConsumerPlace {
    /// As `--from seq:` takes it.
    var short: String {
        if let rows { return "rows \(rows.delivered) of \(position.sequence)" }
        return skip.count == 0 ? "\(position.sequence)" : "\(position.sequence)+\(skip.count)"
    }
}

/// How far a consumer is behind.
struct ConsumerLag {
    let commits: Int64
    let changes: Int64
    /// The age of the oldest commit that was not read; 0 for none.
    let milliseconds: Int64?

    /// Nil when changes that it needs are gone.
    init?(of consumer: Consumer, in table: MixedTable, nowMilliseconds now: Int64) throws(WeirError) {
        let scan: ChangeLogScan
        do throws(WeirError) {
            scan = try ChangeLogScan(table, since: consumer.place.position, skipping: consumer.place.skip)
        } catch {
            guard error.code == .notFound || error.code == .unsupported else { throw error }
            return nil
        }
        commits = Int64(scan.marks.count)
        changes = scan.changeCount
        guard let first = scan.marks.first else {
            milliseconds = 0
            return
        }
        let time = first.timestampMs ?? ExpiredCommits(table.ingestStore.metadata)?.time(before: first.sequence)
        milliseconds = time.map { max(0, now - $0) }
    }
}

import Bytes
import Foundation
import IcebergFormat
import MixedTables

/// Opens a consumer for this process, and tells the user what is to be told.
struct ConsumerOpening {
    private let name: String
    private let ttlMs: Int64?
    private let takesOver: Bool
    private let talk: TalkOptions

    init(_ name: String, ttlMs: Int64?, takesOver: Bool, talk: TalkOptions) {
        self.name = name
        self.ttlMs = ttlMs
        self.takesOver = takesOver
        self.talk = talk
    }

    struct Opened {
        let table: MixedTable
        let keeper: ConsumerKeeper
        /// Where a new consumer begins; nil for one that goes on.
        let start: ReadStart?
        var takesWhatIsThere = false
        /// Whether it was silent for longer than its TTL before.
        var wasLapsed = false
    }

    /// - Parameters:
    ///   - start: where a new consumer begins; nil to go on with one that is there.
    ///   - tell: says where it begins.
    func open(
        _ source: MixedTable,
        from start: ReadStart?,
        _ tell: (ReadBeginning, ReadStart, MixedTable) -> Void
    ) throws(WeirError) -> Opened {
        let claim = ConsumerClaim(name, by: ConsumerProcess.session(), ttlMs: ttlMs, takesOver: takesOver)
        let now = TimeText.nowMilliseconds
        guard let start else {
            let (table, before, consumer) = try source.claiming(
                claim,
                nowMilliseconds: now,
                isGone: ConsumerProcess.isGone
            )
            let wasLapsed = before.map { !$0.isLive(nowMilliseconds: now) } ?? false
            if let before, wasLapsed { talk.note(lapsed(before, now)) }
            talk.note("consumer '\(name)' goes on \(consumer.place.text)")
            return Opened(table: table, keeper: keeper(consumer, table), start: nil, wasLapsed: wasLapsed)
        }
        return try ConsumerStart.retrying(source) { (table) throws(WeirError) in
            var claim = claim
            let beginning =
                try table.consumer(name) == nil ? start.resolve(in: table) : ReadBeginning(position: .beginning)
            claim.start = try beginning.place(in: table)
            let (claimed, _, consumer) = try table.claiming(claim, nowMilliseconds: now, isGone: ConsumerProcess.isGone)
            tell(beginning, start, table)
            return Opened(
                table: claimed,
                keeper: keeper(consumer, claimed),
                start: start,
                takesWhatIsThere: beginning.takesWhatIsThere
            )
        }
    }

    private func keeper(_ consumer: Consumer, _ table: MixedTable) -> ConsumerKeeper {
        ConsumerKeeper(name, consumer, of: table) { TimeText.nowMilliseconds }
    }

    private func lapsed(_ consumer: Consumer, _ now: Int64) -> String {
        let silence = HumanText.duration(Double(now - consumer.seenMs) / 1000)
        let ttl = HumanText.duration(Double(consumer.ttlMs) / 1000)
        return
            "consumer '\(name)' was silent for \(silence), longer than its TTL of \(ttl): what it needs was not kept for "
            + "it since then"
    }
}

/// A start whose snapshots may expire before they are pinned.
enum ConsumerStart {
    private static let attemptsMax = 5

    static func retrying<Result>(
        _ source: MixedTable,
        _ body: (MixedTable) throws(WeirError) -> Result
    ) throws(WeirError) -> Result {
        var table = source
        for _ in 1..<attemptsMax {
            do throws(WeirError) {
                return try body(table)
            } catch  where error.code == .notFound {
                table = try table.refreshed()
            }
        }
        return try body(table)
    }
}

/// The option for how long a consumer may be silent.
enum ConsumerTTL {
    private static let leastMilliseconds: Int64 = 10_000

    /// Milliseconds.
    static func parse(_ text: String) throws(WeirError) -> Int64 {
        guard let milliseconds = FlinkDuration.milliseconds(text), milliseconds >= leastMilliseconds else {
            throw WeirError(
                .invalid,
                "'\(text)' is no TTL of a consumer",
                advice: "write a number with a unit, such as 12h or 7d; 10s at least"
            )
        }
        return milliseconds
    }
}

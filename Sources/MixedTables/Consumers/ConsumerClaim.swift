import Bytes
import IcebergFormat
import IcebergTables

/// A process's wish to read for a consumer: whether it may, and where it begins. One process reads for a consumer at a
/// time, so that each change goes to one of them.
public struct ConsumerClaim: Sendable {
    public let name: String
    public var session: ConsumerSession
    /// Where a new consumer begins; nil to go on with one that is there.
    public var start: ConsumerPlace?
    /// Nil keeps what the consumer has, or gives a new one the default.
    public var ttlMs: Int64?
    /// Takes the name from a process that may be at work.
    public var takesOver: Bool

    /// How long a process that is silent keeps the name.
    public static let holdMilliseconds: Int64 = 120_000
    /// How often a process that has nothing to read shows that it lives.
    static let renewMilliseconds: Int64 = 30_000

    public init(
        _ name: String,
        by session: ConsumerSession,
        startingAt start: ConsumerPlace? = nil,
        ttlMs: Int64? = nil,
        takesOver: Bool = false
    ) {
        self.name = name
        self.session = session
        self.start = start
        self.ttlMs = ttlMs
        self.takesOver = takesOver
    }

    /// The consumer's entry with the claim.
    ///
    /// - Parameters:
    ///   - found: the entry as it is.
    ///   - isGone: whether a process is known to have ended.
    func entry(
        over found: Consumer?,
        of table: TableIdentifier,
        nowMilliseconds now: Int64,
        isGone: (ConsumerSession) -> Bool
    ) throws(WeirError) -> Consumer {
        var entry: Consumer
        if let found {
            if start != nil {
                throw WeirError(
                    .alreadyExists,
                    "consumer '\(name)' of \(table) goes on where it stopped: \(found.place.text)",
                    advice: "leave --from out, or move it first: 'weir consumer reset \(table) \(name) --to …'"
                )
            }
            if !takesOver {
                try found.checkFree(name, of: table, except: session.id, nowMilliseconds: now, isGone: isGone)
            }
            entry = found
        } else {
            guard let start else {
                throw WeirError(
                    .notFound,
                    "\(table) has no consumer '\(name)' yet",
                    advice: "say where it begins with --from, or 'weir consumer reset \(table) \(name) --to …'; "
                        + "'weir consumer ls \(table)' lists those it has"
                )
            }
            entry = Consumer(place: start, nowMilliseconds: now)
        }
        if let ttlMs { entry.ttlMs = ttlMs }
        entry.seenMs = now
        entry.session = session
        entry.session?.untilMs = now.addingClamped(Self.holdMilliseconds)
        return entry
    }
}

extension Consumer {
    /// Fails with `locked` while a process may be reading for the consumer.
    ///
    /// - Parameters:
    ///   - own: the session that asks; nil for none.
    ///   - isGone: whether a process is known to have ended.
    func checkFree(
        _ name: String,
        of table: TableIdentifier,
        except own: String? = nil,
        nowMilliseconds now: Int64,
        isGone: (ConsumerSession) -> Bool
    ) throws(WeirError) {
        guard let session, session.id != own, session.untilMs > now,
            // A time that far away was noted with a clock that was wrong.
            session.untilMs.subtractingClamped(now) <= 2 * ConsumerClaim.holdMilliseconds, !isGone(session)
        else { return }
        let seconds = session.untilMs.subtractingClamped(now) / 1000 + 1
        throw WeirError(
            .locked,
            "consumer '\(name)' of \(table) is being read by process \(session.process) on \(session.host)",
            advice: "stop that process first; if it is gone, wait \(seconds) s or read with --take-over"
        )
    }
}

extension ConsumerPlace {
    /// The place in words.
    public var text: String {
        if let rows { return "amid the rows as of commit \(position.sequence), \(rows.delivered) of them read" }
        let behind = position.sequence == 0 ? "at the beginning" : "behind commit \(position.sequence)"
        return skip.count == 0 ? behind : "\(behind) and \(skip.count) changes of the next one"
    }
}

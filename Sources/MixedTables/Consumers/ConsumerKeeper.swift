import Bytes
import IcebergTables

/// Stores how far a process has read for a consumer: about once a second while it reads, and once in a while so that one
/// that waits is seen to live. Used by one thread at a time.
///
/// A place is stored once what was read up to it was passed on. After a crash, what was passed on behind the stored place
/// is therefore read again.
public final class ConsumerKeeper {
    public let name: String
    /// As stored last.
    public private(set) var consumer: Consumer
    private var table: MixedTable
    private let session: String
    private let now: () -> Int64

    static let storeMilliseconds: Int64 = 1000

    /// - Parameters:
    ///   - table: as claimed.
    ///   - consumer: the entry with the claim.
    ///   - now: milliseconds since 1970.
    public init(
        _ name: String,
        _ consumer: Consumer,
        of table: MixedTable,
        now: @escaping () -> Int64
    ) {
        self.name = name
        self.consumer = consumer
        self.table = table
        self.now = now
        session = consumer.session?.id ?? ""
    }

    /// Whether a place should be stored now, if it has moved.
    public var isDue: Bool { silence >= Self.storeMilliseconds }

    /// A clock that was set back makes it due at once.
    private var silence: Int64 {
        let silence = now().subtractingClamped(consumer.seenMs)
        return silence < 0 ? .max : silence
    }

    /// Stores a place if it has moved and some time has passed, or only shows that the process lives after a longer one.
    public func keep(_ place: ConsumerPlace) throws(WeirError) {
        let renewal = min(ConsumerClaim.renewMilliseconds, consumer.ttlMs / 4)
        if silence >= (place == consumer.place ? renewal : Self.storeMilliseconds) { try store(place) }
    }

    /// Stores the last place and lets go of the name.
    public func close(_ place: ConsumerPlace) throws(WeirError) { try store(place, ending: true) }

    private func store(_ place: ConsumerPlace, ending: Bool = false) throws(WeirError) {
        let now = self.now()
        var entry = consumer
        if place != entry.place {
            entry.place = place
            entry.progressMs = now
        }
        entry.seenMs = now
        if ending {
            entry.session = nil
        } else {
            entry.session?.untilMs = now.addingClamped(ConsumerClaim.holdMilliseconds)
        }
        table = try table.refreshed().storing(entry, of: name, by: session, nowMilliseconds: now)
        consumer = entry
    }
}

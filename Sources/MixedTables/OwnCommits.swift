import Bytes
import ChangeEvents
import Values

/// The commits of a change store that are known to be a topology's own, without a gap, by sequence number; those of
/// other engines among them moved no key.
///
/// Stored as the table property `weir.own-commits.<topology>`: `{"since":120,"upTo":480}`. A process that commits seldom
/// beside others that commit often finds there what snapshots that have expired would have told it.
struct OwnCommits: TopologyLedger, Codable {
    private(set) var since: Int64
    private(set) var upTo: Int64

    /// None.
    init() { (since, upTo) = (.max, .min) }

    static func propertyName(topology: String) -> String { "weir.own-commits.\(topology)" }

    init(json: String) throws(WeirError) {
        self = try LedgerJSON.value(json, "own commits are not of the form {since, upTo}")
    }

    var json: String { LedgerJSON.text(self) }

    /// Whether every commit after the given one is among them, up to `upTo`.
    func goOn(after sequence: Int64) -> Bool { since <= upTo && since <= sequence.addingClamped(1) && sequence <= upTo }

    /// Adds a commit, whose writer has checked all between the state it knew and this one.
    mutating func add(_ sequence: Int64, checkedAfter known: Int64) {
        if !goOn(after: known) { since = known.addingClamped(1) }
        upTo = sequence
    }
}

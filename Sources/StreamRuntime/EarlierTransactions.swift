import Bytes
import ChangeEvents

/// Transactions under another id that may have written some of the same changes: of an earlier version, or from before
/// the sources of a topology were shared by processes, or were not any more.
public struct EarlierTransactions: Sendable {
    /// The state that the last of them stored; nil when there was none. Shuts nobody out.
    let stored: @Sendable () throws(WeirError) -> String?
    /// The same, once whoever still writes under that id is shut out.
    let takenOver: @Sendable () throws(WeirError) -> String?

    public init(
        stored: @escaping @Sendable () throws(WeirError) -> String?,
        takenOver: @escaping @Sendable () throws(WeirError) -> String?
    ) {
        self.stored = stored
        self.takenOver = takenOver
    }

    /// How far those transactions got, if that is beyond some positions; else the positions.
    ///
    /// - Parameter own: names the partitions that count; nil for all.
    func ledger(beyond known: PositionLedger, of own: PositionLedger?) throws(WeirError) -> PositionLedger {
        var merged = known
        merged.merge(try Self.ledger(stored(), own))
        return merged == known ? known : try Self.ledger(takenOver(), own)
    }

    private static func ledger(_ text: String?, _ own: PositionLedger?) throws(WeirError) -> PositionLedger {
        guard let text else { return PositionLedger() }
        let all = try PositionLedger(json: text)
        return own.map { all.restricted(to: $0) } ?? all
    }
}

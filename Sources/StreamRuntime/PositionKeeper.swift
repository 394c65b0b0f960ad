import Bytes
import ChangeEvents

/// What stores how far the sources are read: a table, or a topic. Asked while no commit is under way.
protocol PositionKeeper: AnyObject, Sendable {
    /// As of the last commit.
    var positions: PositionLedger { get }
    /// The records right in front of them.
    var lastRecords: LastRecords { get }
    /// Stores other positions, back or forward.
    func move(to moves: PositionLedger) throws(WeirError)
}

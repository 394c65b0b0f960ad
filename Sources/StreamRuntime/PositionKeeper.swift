import Bytes
import ChangeEvents

/// Stores how far the sources are read: a table or a topic. Used only while no commit is under way.
protocol PositionKeeper: AnyObject, Sendable {
    /// As of the last commit.
    var positions: PositionLedger { get }
    /// The records right before the positions.
    var lastRecords: LastRecords { get }
    /// Stores new positions, before or after the current ones.
    func move(to moves: PositionLedger) throws(WeirError)
}

import Bytes
import ChangeEvents

/// Keeps what the integers of source columns count, so that every reading of a column is the same one.
public protocol UnitKeeper: AnyObject {
    /// What is known of columns before their values are looked at.
    ///
    /// - Parameter told: the units that somebody has told, which hold whatever else is known.
    func units(of columns: [SourceColumn], told: [TimeUnit?]) throws(WeirError) -> [TimeUnit?]

    /// Keeps what values tell, before rows are read with it.
    ///
    /// - Returns: the units that hold, in the same order: others, where somebody else came first.
    func keep(_ units: [(column: SourceColumn, unit: TimeUnit)]) throws(WeirError) -> [TimeUnit]
}

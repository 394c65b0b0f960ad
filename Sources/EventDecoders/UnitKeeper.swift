import Bytes
import ChangeEvents

/// Stores the time units of source columns, so that a column is always read with the same unit.
public protocol UnitKeeper: AnyObject {
    /// The units that are known before the columns' values are read.
    ///
    /// - Parameter told: the configured units, which take precedence over stored ones.
    func units(of columns: [SourceColumn], told: [TimeUnit?]) throws(WeirError) -> [TimeUnit?]

    /// The units that are stored by now: another process may have stored one since `units(of:told:)` was called.
    func stored(_ columns: [SourceColumn]) throws(WeirError) -> [TimeUnit?]

    /// Stores units derived from values, before rows are read with them.
    ///
    /// - Returns: the units in effect, in the same order. They differ from `units` if another process stored a unit
    /// first.
    func keep(_ units: [(column: SourceColumn, unit: TimeUnit)]) throws(WeirError) -> [TimeUnit]
}

import Bytes
import ChangeEvents

@testable import EventDecoders

/// Keeps units in memory, as a table does in its properties.
final class MemoryUnits: UnitKeeper {
    private(set) var kept: [SourceColumn: TimeUnit] = [:]
    /// A unit that another process keeps first.
    var others: TimeUnit?
    /// What other processes have stored since the units were loaded.
    private let later: MemoryUnits?

    init(later: MemoryUnits? = nil) { self.later = later }

    func units(of columns: [SourceColumn], told: [TimeUnit?]) -> [TimeUnit?] {
        zip(columns, told).map { column, told in
            if let told { kept[column] = told }
            return kept[column]
        }
    }

    func stored(_ columns: [SourceColumn]) -> [TimeUnit?] { columns.map { kept[$0] ?? later?.kept[$0] } }

    func keep(_ units: [(column: SourceColumn, unit: TimeUnit)]) -> [TimeUnit] {
        units.map { column, unit in
            let held = kept[column] ?? others ?? unit
            kept[column] = held
            return held
        }
    }
}

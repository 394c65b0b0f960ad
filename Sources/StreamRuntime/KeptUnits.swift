import Bytes
import ChangeEvents
import EventDecoders

/// Stores the time units of integer source columns in the tables that take these columns.
///
/// The table declared first decides for a source, since that order is the same in every process of a topology: if two
/// processes derive different units at once, the first commit is valid for both. A process whose values determine no unit
/// takes the one that another has stored meanwhile. Units are committed before a row is
/// handed on, so that no row is stored without its unit, however a run ends.
final class KeptUnits: UnitKeeper {
    private let plan: IngestPlan
    /// By target, like `held`.
    private var sinks: [SinkTable] = []
    private var held: [SourceUnits] = []

    init(_ plan: IngestPlan) { self.plan = plan }

    /// Switches to the tables of a generation.
    ///
    /// - Parameter sinks: those of the targets first, in their order.
    /// - Returns: whether the units in the tables differ from those known.
    func begin(_ sinks: [SinkTable]) throws(WeirError) -> Bool {
        var units: [SourceUnits] = []
        for sink in sinks.prefix(plan.targets.count) { units.append(try sink.sourceUnits()) }
        self.sinks = Array(sinks.prefix(plan.targets.count))
        defer { held = units }
        return units != held
    }

    func units(of columns: [SourceColumn], told: [TimeUnit?]) throws(WeirError) -> [TimeUnit?] {
        var units: [TimeUnit?] = []
        // Units that targets lack, and units that differ from the given ones.
        var (missing, replaced): ([Int: SourceUnits], [Int: SourceUnits]) = ([:], [:])
        for (column, told) in zip(columns, told) {
            let takers = takers(of: column)
            let unit = told == nil ? try agreed(column, takers) : told
            units.append(unit)
            guard let unit else { continue }
            let (topic, key) = (column.source.topic, column.key)
            for target in takers where held[target][topic, key] != unit {
                if told == nil {
                    missing[target, default: SourceUnits()][topic, key] = unit
                } else {
                    replaced[target, default: SourceUnits()][topic, key] = unit
                }
            }
        }
        for (target, units) in missing { held[target] = try sinks[target].keep(units, overriding: false) }
        for (target, units) in replaced { held[target] = try sinks[target].keep(units, overriding: true) }
        return units
    }

    func stored(_ columns: [SourceColumn]) throws(WeirError) -> [TimeUnit?] {
        for target in Set(columns.flatMap { takers(of: $0) }).sorted() {
            held[target] = try sinks[target].storedUnits()
        }
        return try units(of: columns, told: columns.map { _ in nil })
    }

    func keep(_ units: [(column: SourceColumn, unit: TimeUnit)]) throws(WeirError) -> [TimeUnit] {
        var result = units.map(\.unit)
        var isDecided = units.map { _ in false }
        let takers = units.map { self.takers(of: $0.column) }
        for target in Set(takers.joined()).sorted() {
            let indices = units.indices.filter { takers[$0].contains(target) }
            var wanted = SourceUnits()
            for index in indices { wanted[units[index].column.source.topic, units[index].column.key] = result[index] }
            held[target] = try sinks[target].keep(wanted, overriding: false)
            for index in indices {
                let column = units[index].column
                guard let unit = held[target][column.source.topic, column.key] else { continue }
                if isDecided[index], unit != result[index] { throw disagreement(column, takers[index]) }
                result[index] = unit
                isDecided[index] = true
            }
        }
        return result
    }

    /// The targets that take a column, in the order of declaration.
    private func takers(of column: SourceColumn) -> [Int] {
        plan.route(column.source.identifier).filter { target in
            plan.targets[target].sourceSchema.fields.contains { field in
                guard field.name == column.name else { return false }
                return column.isTimeOfDay
                    ? field.type == .time : field.type == .timestamp || field.type == .timestamptz
            }
        }.sorted()
    }

    /// The unit that the tables hold; nil when none does. Fails if they disagree.
    private func agreed(_ column: SourceColumn, _ takers: [Int]) throws(WeirError) -> TimeUnit? {
        let units = Set(takers.compactMap { held[$0][column.source.topic, column.key] })
        if units.count > 1 { throw disagreement(column, takers) }
        return units.first
    }

    private func disagreement(_ column: SourceColumn, _ takers: [Int]) -> WeirError {
        let found = takers.compactMap { target in
            held[target][column.source.topic, column.key].map { "\($0) in \(plan.targets[target].name)" }
        }
        return WeirError(
            .conflict,
            "column \(column.name) of \(column.source.identifier) counts \(found.joined(separator: ", "))",
            at: "topic \(column.source.topic)",
            advice: "say in the source which it is, with \(column.option); rows that were read otherwise stay wrong"
        )
    }
}

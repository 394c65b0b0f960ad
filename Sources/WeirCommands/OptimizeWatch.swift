import Bytes
import Foundation
import IcebergTables
import MixedTables
import Optimizing

/// Optimizes tables of a warehouse whenever they are due, one after another, until it is stopped.
final class OptimizeWatch {
    private let locations: WarehouseLocations
    private let only: String?
    private let talk: TalkOptions
    private let stop = StopSignals()
    private var schedule = OptimizingSchedule()

    /// How often tables are looked for.
    private static let roundMilliseconds: Int64 = 10_000

    init(_ locations: WarehouseLocations, _ only: String?, _ talk: TalkOptions) {
        (self.locations, self.only, self.talk) = (locations, only, talk)
    }

    func run() throws {
        if let only { _ = try locations.table(only) }
        talk.note("optimizing \(only ?? "all tables of \(locations.warehouse)") when they are due; Ctrl-C ends it")
        while !stop.isStopped {
            let begun = TimeText.nowMilliseconds
            for name in try names() where !stop.isStopped { optimize(name) }
            while !stop.isStopped, TimeText.nowMilliseconds - begun < Self.roundMilliseconds { usleep(50_000) }
        }
    }

    /// Tables that stand for themselves: change stores belong to their tables.
    private func names() throws(WeirError) -> [String] {
        if let only { return [only] }
        let catalog = try locations.existingCatalog()
        var names: [String] = []
        for namespace in try catalog.namespaces() {
            for identifier in try catalog.tables(in: namespace) where !identifier.name.hasSuffix("_change_") {
                names.append(identifier.description)
            }
        }
        return names
    }

    private func optimize(_ name: String) {
        let now = TimeText.nowMilliseconds
        guard schedule.isLookedAt(name, atMilliseconds: now) else { return }
        do throws(WeirError) {
            let table = try locations.table(name)
            let settings = OptimizingSettings(table.properties)
            guard settings.isEnabled else { return schedule.looked(at: name, settings, atMilliseconds: now) }
            let optimizer = TableOptimizer(
                settings,
                threads: settings.threads(cores: ProcessInfo.processInfo.activeProcessorCount),
                nowMilliseconds: { TimeText.nowMilliseconds }
            )
            var kinds: Set<OptimizingKind> = []
            let (_, report) = try optimizer.run(
                table,
                schedule.request(for: name, atMilliseconds: now),
                except: schedule.leftOut(of: name, atMilliseconds: now),
                onPlan: { kinds.formUnion($0.plan.kind.map { [$0] } ?? []) },
                check: { () throws(WeirError) in
                    if self.stop.isStopped { throw WeirError(.cancelled, "stopped") }
                }
            )
            schedule.optimized(name, kinds, settings, atMilliseconds: TimeText.nowMilliseconds)
            for path in schedule.leaveOut(Array(report.unusable.keys), of: name, atMilliseconds: now) {
                Terminal.note("a file of \(name) is left as it is: \(report.unusable[path]?.description ?? path)")
            }
            if !report.isNothing { Terminal.note("\(name): \(Self.text(report, kinds))") }
        } catch {
            if error.code == .cancelled { return }
            if schedule.failed(name, error, atMilliseconds: TimeText.nowMilliseconds) {
                Terminal.note("\(name) is not optimized: \(error)")
            }
        }
    }

    private static func text(_ report: TableOptimizer.Report, _ kinds: Set<OptimizingKind>) -> String {
        let done = report.rewrite
        let moved = "\(HumanText.count(report.inserted, "row")) moved into base"
        guard let kind = kinds.max() else { return moved }
        return "\(moved), \(kind.rawValue): \(HumanText.count(done.removedFiles, "file")) -> \(done.addedFiles), "
            + "\(HumanText.count(done.rows, "row")), \(HumanText.bytes(done.bytes)) written"
    }
}

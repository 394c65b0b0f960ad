import Bytes
import EventLog
import Foundation
import IcebergFormat
import IcebergTables
import MixedTables
import ObjectStorage

/// The checks of `weir doctor` for a warehouse.
struct WarehouseChecks {
    private let locations: WarehouseLocations
    private let files = LocalFileSystem()

    init(_ locations: WarehouseLocations) { self.locations = locations }

    func all() -> [HealthCheck] {
        var checks = [folder()]
        if let space = space() { checks.append(space) }
        checks += catalog()
        checks += log()
        return checks
    }

    private func folder() -> HealthCheck {
        let name = "warehouse"
        let folder = locations.warehouse
        do throws(WeirError) {
            guard let status = try files.status(folder) else {
                return HealthCheck(
                    name,
                    .warn,
                    "\(folder) does not exist yet",
                    advice: "name another with --warehouse or WEIR_WAREHOUSE, or let 'weir demo' or 'weir run' make it"
                )
            }
            guard status.isDirectory else {
                return HealthCheck(name, .fail, "\(folder) is not a folder", advice: "name a folder with --warehouse")
            }
            let probe = "\(folder)/.weir-doctor-\(ProcessInfo.processInfo.processIdentifier)"
            let watch = Stopwatch()
            let file = try files.open(probe, .create)
            defer { try? files.remove(probe) }
            try file.write([0], at: 0)
            try file.sync()
            file.close()
            return HealthCheck(name, .ok, "\(folder) is writable, a sync takes \(HumanText.duration(watch.seconds))")
        } catch {
            return HealthCheck(
                name,
                .fail,
                ErrorReport(error).message,
                advice: error.advice ?? "give this user the right to write to the folder"
            )
        }
    }

    private func space() -> HealthCheck? {
        var path = locations.warehouse
        while !FileManager.default.fileExists(atPath: path) {
            guard path.contains("/"), path != "/" else {
                path = "."
                break
            }
            path = path.parentDirectory
        }
        var system = statvfs()
        guard statvfs(path, &system) == 0 else { return nil }
        let free = Int64(system.f_bavail) * Int64(system.f_frsize)
        let total = Int64(system.f_blocks) * Int64(system.f_frsize)
        let detail = "\(HumanText.bytes(free)) of \(HumanText.bytes(total)) are free"
        let advice = "free some space, or move the warehouse"
        if free < 64 << 20 { return HealthCheck("disk", .fail, detail, advice: advice) }
        if free < 1 << 30 || free < total / 50 { return HealthCheck("disk", .warn, detail, advice: advice) }
        return HealthCheck("disk", .ok, detail)
    }

    // MARK: Tables

    private func catalog() -> [HealthCheck] {
        do throws(WeirError) {
            guard try locations.catalog.exists() else {
                return [HealthCheck("catalog", .warn, missing)]
            }
            let catalog = try locations.existingCatalog()
            var identifiers: [TableIdentifier] = []
            for namespace in try catalog.namespaces() { identifiers += try catalog.tables(in: namespace) }
            let tables = identifiers.compactMap { table($0, catalog) }
            let count = HumanText.count(tables.count, "table")
            return [HealthCheck("catalog", .ok, "\(locations.catalog) opens, \(count)")] + tables
        } catch {
            return [HealthCheck("catalog", failed: error)]
        }
    }

    private var missing: String {
        switch locations.catalog {
        case .file(let path): "\(path) does not exist yet"
        case .postgres(let address): "\(address) has no catalog's tables yet; 'weir run' makes them"
        }
    }

    /// Checks one table. Nil for a change store, which is checked with its table.
    private func table(_ identifier: TableIdentifier, _ catalog: any Catalog) -> HealthCheck? {
        let name = "table \(identifier)"
        do throws(WeirError) {
            if TableMarkers.isChange(try catalog.load(identifier).properties) { return nil }
            let table = try MixedTable.load(identifier, from: catalog)
            let current = try table.files()
            let storage = table.base.storage
            for entry in current where try !storage.exists(entry.file.path) {
                return HealthCheck(
                    name,
                    .fail,
                    "a file of its newest snapshot is missing: \(entry.file.path)",
                    advice: "restore the file, or drop the table"
                )
            }
            let bytes = current.map(\.file.fileSize).clampedSum()
            let detail = "\(HumanText.count(current.count, "file")), \(HumanText.bytes(bytes)), all there"
            let newest = (table.base.snapshots + (table.change?.snapshots ?? [])).map(\.timestampMs).max() ?? 0
            if newest > TimeText.nowMilliseconds + 60_000 {
                return HealthCheck(
                    name,
                    .warn,
                    "its newest commit is of \(TimeText.text(newest)), which is to come",
                    advice: "compare the clocks of the machines that write it"
                )
            }
            let stores = [table.base] + (table.change.map { [$0] } ?? [])
            var overstated: String?
            for store in stores where overstated == nil { overstated = try store.overstatedManifests().first }
            if let first = overstated {
                return HealthCheck(
                    name,
                    .warn,
                    "\(first) holds files that are older than its manifest list says: other engines may show deleted rows",
                    advice:
                        "the next commit of rows puts it right, as 'weir optimize \(identifier) --full' does if there are "
                        + "changes to merge"
                )
            }
            let unmerged = current.count { $0.isMerged == false }
            if unmerged > 1000 {
                return HealthCheck(
                    name,
                    .warn,
                    "\(detail); \(HumanText.count(unmerged)) change files are merged by every read",
                    advice: "run 'weir optimize \(identifier) --full'"
                )
            }
            return HealthCheck(name, .ok, detail)
        } catch {
            return HealthCheck(name, failed: error)
        }
    }

    // MARK: Log

    private func log() -> [HealthCheck] {
        do throws(WeirError) {
            guard try files.status(locations.logRoot) != nil else {
                // A warehouse that reads only from Kafka never has a file log.
                return [
                    HealthCheck("log", .ok, "\(locations.logRoot) holds no topics; 'weir log create TOPIC' makes one")
                ]
            }
            let log = try locations.log()
            let topics = try log.topics()
            var checks = [HealthCheck("log", .ok, "\(locations.logRoot), \(HumanText.count(topics.count, "topic"))")]
            for topic in topics { checks.append(check(topic, log)) }
            return checks
        } catch {
            return [HealthCheck("log", failed: error)]
        }
    }

    /// Opens every partition and reads a little at its beginning.
    private func check(_ topic: String, _ log: FileLog) -> HealthCheck {
        let name = "topic \(topic)"
        do throws(WeirError) {
            var records: Int64 = 0
            let partitions = try log.partitions(of: topic)
            for partition in partitions {
                let (earliest, end) = try log.offsets(topic: topic, partition: partition)
                records += end - earliest
                if end > earliest {
                    _ = try log.reader(topic: topic, partition: partition, from: earliest).next(maxBytes: 1)
                }
            }
            let count = HumanText.count(Int(records), "record")
            return HealthCheck(name, .ok, "\(count) in \(HumanText.count(partitions.count, "partition"))")
        } catch {
            return HealthCheck(name, failed: error)
        }
    }
}

import Bytes
import EventLog
import IcebergTables
import MixedTables
import Topology

extension IngestPlan {
    /// What prevents a topology from running, and what in the topology file it is about.
    public struct Conflict: Sendable {
        public let error: WeirError
        public let declaration: Topology.Declaration
        /// Keys in the declaration, and perhaps a value at their end.
        public let path: [String]

        fileprivate init(_ error: WeirError, _ declaration: Topology.Declaration, _ path: [String] = []) {
            self.error = error
            self.declaration = declaration
            self.path = path
        }
    }

    /// What prevents a topology from running on any warehouse: what runs do not support, missing topics of a file log,
    /// and tables that cannot be made.
    public static func startConflicts(
        _ topology: Topology,
        openLog: (Topology.Source) throws(WeirError) -> any PartitionedLog
    ) -> [Conflict] {
        var found: [Conflict] = []
        do throws(WeirError) {
            try checkSupport(topology)
        } catch {
            found.append(Conflict(error, .init(.sink, topology.sink.name), ["tables"]))
        }
        for source in topology.sources where source.kind == .fileLog {
            let declaration = Topology.Declaration(.source, source.name)
            do throws(WeirError) {
                let log = try openLog(source)
                let existing = try log.topics()
                for topic in source.topics where !existing.contains(topic) {
                    let missing = MissingTopic(topic, source.name, among: existing, read: source.topics)
                    found.append(Conflict(missing.error(in: log), declaration, ["topics", topic]))
                }
            } catch {
                found.append(Conflict(error, declaration))
            }
        }
        for declared in DeclaredTable.all(of: topology) {
            do throws(WeirError) {
                _ = try declared.definition()
            } catch {
                found.append(Conflict(error, declared.declaration))
            }
        }
        return found
    }

    /// What prevents a topology from running on a warehouse: existing tables with other columns, keys or partitions or
    /// of another topology, and missing topics of a file log. Brokers are not contacted.
    public static func conflicts(
        _ topology: Topology,
        catalog: any Catalog,
        openLog: (Topology.Source) throws(WeirError) -> any PartitionedLog
    ) -> [Conflict] {
        var found = startConflicts(topology, openLog: openLog)
        let declared = DeclaredTable.all(of: topology)
        for name in writtenNames(of: topology) {
            // A table that cannot be loaded is reported below.
            guard (try? writtenTable(name, in: catalog)) != nil else { continue }
            do throws(WeirError) {
                try checkSharing(name, of: topology, in: catalog)
            } catch {
                let table = declared.first { $0.name == name }
                found.append(Conflict(error, table?.declaration ?? .init(.tables, name)))
            }
        }
        for table in declared {
            // Reported by the start conflicts.
            guard let definition = try? table.definition() else { continue }
            do throws(WeirError) {
                guard try catalog.exists(definition.identifier) else { continue }
                try definition.check(against: try MixedTable.load(definition.identifier, from: catalog))
            } catch {
                found.append(Conflict(error, table.declaration))
            }
        }
        return found
    }
}

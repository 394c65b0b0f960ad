import Columnar
import Expressions

/// A checked topology file: sources, tables, routes, transforms, joins and sinks.
public struct Topology: Sendable {
    public let name: String
    public let pipeline: Pipeline
    public let sources: [Source]
    /// Declared tables, in the order of the file, without the result tables of `joins`.
    public let tables: [Table]
    public let routes: [Route]
    public let joins: [Join]
    /// The sinks, including the warehouse. Each sink gets the changes of its tables.
    public let sinks: [Sink]
    /// Positions of keys and values in the file.
    public let positions: Positions
    /// The warehouse sink, `mixed-iceberg`, which stores the tables and the source positions.
    public var sink: Sink { sinks.first { $0.kind == .mixedIceberg } ?? Sink(kind: .mixedIceberg) }

    public func table(named name: String) -> Table? { tables.first { $0.name == name } }

    /// Whether changes of any source table may go to a declared table: through a route, or from the source table with
    /// the same name. A route template with groups counts as matching any name.
    public func mayRoute(to name: String) -> Bool {
        hasRoute(to: name) || (takesItsOwnName(name) && !routes.contains { $0.pattern.matches(name) })
    }

    private func hasRoute(to name: String) -> Bool {
        routes.contains { $0.sinkTable == name || $0.sinkTable.contains("$") }
    }

    /// Whether a table gets changes of the source table with the same name without a route. If there are routes and
    /// none leads to a lookup table of a join, another topology writes that table.
    private func takesItsOwnName(_ name: String) -> Bool {
        routes.isEmpty || hasRoute(to: name) || !joins.contains { $0.lookup == name }
    }

    /// The declared tables for changes of a source table, `<db>.<schema>.<table>` or `<db>.<table>`.
    ///
    /// Every matching route applies. If none matches, changes go to the table with the same name, if it exists and is
    /// not only a lookup table.
    public func route(_ sourceIdentifier: String) -> [String] {
        var targets: [String] = []
        for route in routes {
            if let target = route.target(of: sourceIdentifier), !targets.contains(target), table(named: target) != nil {
                targets.append(target)
            }
        }
        if targets.isEmpty, !routes.contains(where: { $0.pattern.matches(sourceIdentifier) }) {
            return table(named: sourceIdentifier) != nil && takesItsOwnName(sourceIdentifier) ? [sourceIdentifier] : []
        }
        return targets
    }
}

extension Topology {
    public struct Pipeline: Sendable, Hashable {
        public enum SchemaChangeBehavior: String, Sendable, CaseIterable {
            /// Follow safe changes of the source's columns.
            case evolve
            /// Keep the declared columns and ignore others.
            case ignore
            /// Stop at a change.
            case exception
        }

        public enum Materialize: String, Sendable, CaseIterable {
            /// The run moves changes into base beside its commits.
            case inline
            /// Changes stay in the change stores until something else moves them.
            case off
        }

        /// Time between commits.
        public var commitInterval = Duration.seconds(10)
        /// Bytes of changes that trigger a commit before the interval ends.
        public var commitBytes = 128 << 20
        /// Number of threads that process changes.
        public var parallelism = 1
        public var schemaChangeBehavior = SchemaChangeBehavior.evolve
        /// Maximum bytes in flight between source and commit.
        public var memoryBudget = 512 << 20
        /// Bytes of memory for the key indexes of all tables.
        public var stateMemory = 512 << 20
        /// The folder for what exceeds it; nil for one in the warehouse.
        public var stateDirectory: String?
        /// Whether the run keeps base stores up to date.
        public var materialize = Materialize.inline
        /// Other topologies that write some of the same tables, from different topics.
        public var sharesTablesWith: [String] = []
    }

    public struct Table: Sendable {
        public let name: String
        /// The columns that the decoder reads from events: the declared columns, with ids from 1.
        public let sourceSchema: Schema
        /// The stored columns: those of the projection with ids from 1, or `sourceSchema`.
        public let sinkSchema: Schema
        /// Primary key columns in declared order; empty for an unkeyed table. They are required columns of both
        /// schemas.
        public let primaryKey: [String]
        /// Partition fields on columns of `sinkSchema`.
        public let partitions: [PartitionExpression]
        public let properties: [String: String]
        public let transform: Transform?

        public var isKeyed: Bool { !primaryKey.isEmpty }
    }

    /// The filter and projection of one table, applied between decoder and sink.
    public struct Transform: Sendable {
        public let description: String?
        /// Rows for which it is not TRUE are dropped. Bound to `sourceSchema`, like the projection.
        public let filter: BoundExpression?
        /// Produces `sinkSchema`; nil if columns are unchanged.
        public let projection: BoundProjection?
    }

    public struct Route: Sendable, Hashable {
        public let pattern: NamePattern
        /// A template with `$1`, `$2`, … for the groups of the pattern.
        public let sinkTable: String
        public let description: String?

        /// The name of the sink table; nil if the route does not match.
        public func target(of sourceIdentifier: String) -> String? {
            pattern.replacing(sourceIdentifier, by: sinkTable)
        }

        /// Whether the route can lead to a sink table with that name. The text that a group captures is unknown, so
        /// `$1` matches any text.
        public func mayLead(to name: String) -> Bool {
            var pieces = [""]
            var rest = Substring(sinkTable)
            while let next = rest.popFirst() {
                if next == "$", rest.first?.isWholeNumber == true {
                    rest.removeFirst()
                    pieces.append("")
                } else {
                    pieces[pieces.count - 1].append(next)
                }
            }
            guard pieces.count > 1 else { return name == sinkTable }
            guard name.hasPrefix(pieces[0]), let last = pieces.last else { return false }
            var left = name.dropFirst(pieces[0].count)
            for piece in pieces.dropFirst().dropLast() where !piece.isEmpty {
                guard let range = left.firstRange(of: piece) else { return false }
                left = left[range.upperBound...]
            }
            return left.hasSuffix(last)
        }
    }

    /// A lookup join: enriches the rows of a change stream with rows of a dimension table.
    public struct Join: Sendable {
        public enum Kind: String, Sendable, CaseIterable { case left, inner }

        public let name: String
        public let kind: Kind
        /// The table whose changes are joined; rows have its `sinkSchema`.
        public let from: String
        /// The dimension table; rows have its `sinkSchema`.
        public let lookup: String
        /// The dimension's name in `select` and `on`.
        public let alias: String
        /// One pair per column of the dimension's primary key, in key order: column indices in the `sinkSchema` of
        /// `from` and of `lookup`.
        public let keys: [(from: Int, lookup: Int)]
        /// The input of `select`: all columns of `from`, then all columns of `lookup`, which are optional in a left
        /// join.
        public let combinedSchema: Schema
        /// Produces `schema` from batches of `combinedSchema`.
        public let select: BoundProjection
        public let primaryKey: [String]
        public let partitions: [PartitionExpression]
        public let properties: [String: String]

        /// The columns of the joined table, with ids from 1.
        public var schema: Schema { select.schema }
    }

    /// A partition field: a transform of one column.
    public struct PartitionExpression: Sendable, Hashable, CustomStringConvertible {
        /// The Iceberg transform name: identity, bucket, truncate, year, month, day or hour.
        public let transform: String
        /// The number of buckets, or the width of truncate.
        public let argument: Int?
        public let column: String
        /// Field id of the column.
        public let fieldID: Int

        public var description: String {
            transform == "identity" ? column : "\(transform)(\(argument.map { "\($0), " } ?? "")\(column))"
        }
    }
}

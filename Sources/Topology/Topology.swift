import Columnar
import Expressions

/// What a topology file asks for: where changes come from, which tables they go to and what happens on the way.
public struct Topology: Sendable {
    public let name: String
    public let pipeline: Pipeline
    public let sources: [Source]
    /// Declared tables, in the order of the file. Those that `joins` write are not among them.
    public let tables: [Table]
    public let routes: [Route]
    public let joins: [Join]
    /// At least the warehouse; each sink gets the changes of its tables.
    public let sinks: [Sink]
    /// Where all of it is written.
    public let positions: Positions
    /// The warehouse, `mixed-iceberg`, which keeps the tables and how far the sources were read.
    public var sink: Sink { sinks.first { $0.kind == .mixedIceberg } ?? Sink(kind: .mixedIceberg) }

    public func table(named name: String) -> Table? { tables.first { $0.name == name } }

    /// Whether changes of some source table may go to a declared table: through a route, whose template may make any name
    /// when it has groups, or from the source table of the very same name.
    public func mayRoute(to name: String) -> Bool {
        hasRoute(to: name) || (takesItsOwnName(name) && !routes.contains { $0.pattern.matches(name) })
    }

    private func hasRoute(to name: String) -> Bool {
        routes.contains { $0.sinkTable == name || $0.sinkTable.contains("$") }
    }

    /// Whether a table gets changes of the source table of the very same name without a route. Where there are routes and
    /// none leads to a table that a join looks up in, it is another topology's.
    private func takesItsOwnName(_ name: String) -> Bool {
        routes.isEmpty || hasRoute(to: name) || !joins.contains { $0.lookup == name }
    }

    /// The declared tables that changes of a source table go to, `<db>.<schema>.<table>` or `<db>.<table>`.
    ///
    /// Every route that matches counts. Where none does, changes go to the table of the very same name, if there is one
    /// and it is not only looked up in.
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
            /// Follow changes of the source's columns where they are safe.
            case evolve
            /// Keep the declared columns, leave out others.
            case ignore
            /// Stop at a change.
            case exception
        }

        /// Time between two commits.
        public var commitInterval = Duration.seconds(10)
        /// Bytes of changes after which a commit begins early.
        public var commitBytes = 128 << 20
        /// Threads that work on changes.
        public var parallelism = 1
        public var schemaChangeBehavior = SchemaChangeBehavior.evolve
        /// Bytes that may be in flight between source and commit.
        public var memoryBudget = 512 << 20
        /// Topologies that write some of the same tables, from topics of their own.
        public var sharesTablesWith: [String] = []
    }

    public struct Table: Sendable {
        public let name: String
        /// What the decoder reads from an event: the declared columns, with ids from 1.
        public let sourceSchema: Schema
        /// What the table holds: the projection's columns with ids from 1, or `sourceSchema` itself.
        public let sinkSchema: Schema
        /// In declared order; empty for an unkeyed table. Columns of both schemas, required in both.
        public let primaryKey: [String]
        /// On columns of `sinkSchema`.
        public let partitions: [PartitionExpression]
        public let properties: [String: String]
        public let transform: Transform?

        public var isKeyed: Bool { !primaryKey.isEmpty }
    }

    /// What happens to the rows of one table between decoder and sink.
    public struct Transform: Sendable {
        public let description: String?
        /// Rows for which it is not TRUE are left out. Reads `sourceSchema`, like the projection.
        public let filter: BoundExpression?
        /// Gives `sinkSchema`; nil where columns pass unchanged.
        public let projection: BoundProjection?
    }

    public struct Route: Sendable, Hashable {
        public let pattern: NamePattern
        /// With `$1`, `$2`, … for the groups of the pattern.
        public let sinkTable: String
        public let description: String?

        /// The name of the sink table, when the route matches.
        public func target(of sourceIdentifier: String) -> String? {
            pattern.replacing(sourceIdentifier, by: sinkTable)
        }

        /// Whether some source table may go to a sink table of that name: what a group captures is not known, so `$1` stands
        /// for any text.
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

    /// A stream of changes, each row of which is completed by the row of a dimension table.
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
        /// One pair for each column of the dimension's primary key, in the key's order: places in the `sinkSchema` of `from`
        /// and of `lookup`.
        public let keys: [(from: Int, lookup: Int)]
        /// What `select` reads: all columns of `from`, then all of `lookup`, which are optional in a left join.
        public let combinedSchema: Schema
        /// Gives `schema` from batches of `combinedSchema`.
        public let select: BoundProjection
        public let primaryKey: [String]
        public let partitions: [PartitionExpression]
        public let properties: [String: String]

        /// What the joined table holds, with ids from 1.
        public var schema: Schema { select.schema }
    }

    /// A partition field: a transform of one column.
    public struct PartitionExpression: Sendable, Hashable, CustomStringConvertible {
        /// Iceberg's name: identity, bucket, truncate, year, month, day or hour.
        public let transform: String
        /// Buckets, or the width of truncate.
        public let argument: Int?
        public let column: String
        /// Field id of the column.
        public let fieldID: Int

        /// As Iceberg's metadata writes the transform: `bucket[16]`.
        public var transformText: String { argument.map { "\(transform)[\($0)]" } ?? transform }
        public var description: String {
            transform == "identity" ? column : "\(transform)(\(argument.map { "\($0), " } ?? "")\(column))"
        }
    }
}

import Bytes
import IcebergFormat

/// How far a consumer is: after a commit, amid the changes of the next one, or amid the rows that it begins with.
public struct ConsumerPlace: Sendable, Equatable {
    /// The changes up to this commit are delivered, or are in the rows that it begins with.
    public var position: ChangePosition
    /// Changes of the commit that comes next that are delivered too.
    public var skip: ChangeSkip
    /// The scan of rows that comes before the changes; nil once it is done.
    public var rows: Rows?

    /// A scan of the table's rows at a read point that is kept for it.
    public struct Rows: Sendable, Equatable {
        /// The state that is read; its change sequence is that of the position.
        public var point: ReadPoint
        /// Changes with a higher data sequence number are read from the change store.
        public var mergedUpTo: Int64
        /// How much base holds of the changes, by partition path, where the snapshot itself does not say it: those before
        /// it that do may expire.
        public var optimized: [String: Int64]?
        /// How many rows are delivered.
        public var delivered: Int64

        init(point: ReadPoint, mergedUpTo: Int64, optimized: [String: Int64]? = nil, delivered: Int64 = 0) {
            self.point = point
            self.mergedUpTo = mergedUpTo
            self.optimized = optimized
            self.delivered = delivered
        }

        /// The scan.
        public func scan(of table: MixedTable) throws(WeirError) -> MergeOnReadScan {
            try MergeOnReadScan(table, columns: table.schema, filter: nil, at: point, optimized: optimized)
        }

        /// A scan of a table's state that has not begun yet.
        public init(_ point: ReadPoint, of table: MixedTable) throws(WeirError) {
            guard table.isKeyed else {
                self.init(point: point, mergedUpTo: .max)
                return
            }
            let scan = try MergeOnReadScan(table, at: point)
            let changes = scan.tasks.flatMap { $0.dataFiles.filter { !$0.isBase } + $0.deleteFiles }
            let oldest = changes.map(\.task.dataSequenceNumber).min()
            let base = point.baseSnapshotId.flatMap { table.base.metadata.snapshot(id: $0) }
            var optimized: [String: Int64]?
            if let base, !OptimizedSequence.isRecorded(base) {
                optimized = try OptimizedSequence.read(table.base, snapshotId: base.id).sequences
            }
            self.init(
                point: point,
                mergedUpTo: oldest.map { $0 - 1 } ?? point.changeSequence,
                optimized: optimized
            )
        }
    }

    public init(_ position: ChangePosition, skip: ChangeSkip = .none, rows: Rows? = nil) {
        self.position = position
        self.skip = skip
        self.rows = rows
    }

    // MARK: - Moving on

    /// Some more of the rows that it begins with are delivered.
    public mutating func advance(rows count: Int) { rows?.delivered += Int64(count) }

    /// Some more changes of the commit that comes next are delivered.
    public mutating func advance(changes count: Int, of commit: Int64) {
        skip = ChangeSkip(count: skip.count + Int64(count), commit: commit)
    }

    /// A commit is delivered to its end.
    public mutating func end(_ commit: CommitMark) { end(at: commit.position) }

    /// Everything up to a position is delivered.
    public mutating func end(at position: ChangePosition) {
        self.position = position
        skip = .none
    }

    // MARK: -

    /// Changes with a higher data sequence number are still needed.
    var neededAbove: Int64 { min(position.sequence, rows?.mergedUpTo ?? .max) }

    // MARK: - JSON

    init(json object: JSONObject) throws(WeirError) {
        position = ChangePosition(
            snapshotId: try object.optionalLong("snapshot"),
            sequence: try object.long("sequence")
        )
        skip = ChangeSkip(count: try object.long("skip"), commit: try object.optionalLong("skip-in"))
        guard position.sequence >= 0, skip.count >= 0 else {
            throw WeirError(.corrupt, "a consumer's place is negative")
        }
        rows = try object["rows"]?.asObject.map { (rows) throws(WeirError) in
            let base = try rows.optionalLong("base")
            let change = try rows.optionalLong("change")
            return Rows(
                point: ReadPoint(base: base, change: change, upTo: try rows.long("up-to")),
                mergedUpTo: try rows.long("merged"),
                optimized: try Self.map(rows["optimized"]),
                delivered: try rows.long("delivered")
            )
        }
    }

    private static func map(_ value: JSONValue?) throws(WeirError) -> [String: Int64]? {
        guard let entries = value?.asObject?.entries else { return nil }
        var map: [String: Int64] = [:]
        for entry in entries {
            guard let number = entry.value.asInteger else {
                throw WeirError(.corrupt, "a consumer's entry has a partition without a number")
            }
            map[entry.key] = number
        }
        return map
    }

    var json: JSONObject {
        var object: JSONObject = ["sequence": .integer(position.sequence)]
        object["snapshot"] = position.snapshotId.map { .integer($0) } ?? .null
        object["skip"] = .integer(skip.count)
        if let commit = skip.commit { object["skip-in"] = .integer(commit) }
        guard let rows else { return object }
        var scan: JSONObject = [
            "base": rows.point.baseSnapshotId.map { .integer($0) } ?? .null,
            "change": rows.point.changeSnapshotId.map { .integer($0) } ?? .null,
            "up-to": .integer(rows.point.changeSequence), "merged": .integer(rows.mergedUpTo),
            "delivered": .integer(rows.delivered),
        ]
        if let optimized = rows.optimized {
            var map = JSONObject()
            for (path, sequence) in optimized.sorted(by: { $0.key < $1.key }) { map[path] = .integer(sequence) }
            scan["optimized"] = .object(map)
        }
        object["rows"] = .object(scan)
        return object
    }
}

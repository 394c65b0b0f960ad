import Bytes
import IcebergFormat

/// How far a consumer is: after a commit, amid the changes of the next one, or amid the rows that it begins with.
public struct ConsumerPlace: Sendable, Equatable {
    /// The changes up to this commit are delivered, or are in the rows that it begins with.
    public var position: ChangePosition
    /// How many changes of the commit that comes next are delivered too.
    public var skip: Int64
    /// The scan of rows that comes before the changes; nil once it is done.
    public var rows: Rows?

    /// A scan of the table's rows at a read point that is kept for it.
    public struct Rows: Sendable, Equatable {
        /// The state that is read; its change sequence is that of the position.
        public var point: ReadPoint
        /// Changes up to this sequence number are in base there.
        public var mergedUpTo: Int64
        /// How many rows are delivered.
        public var delivered: Int64

        public init(point: ReadPoint, mergedUpTo: Int64, delivered: Int64 = 0) {
            self.point = point
            self.mergedUpTo = mergedUpTo
            self.delivered = delivered
        }
    }

    public init(_ position: ChangePosition, skip: Int64 = 0, rows: Rows? = nil) {
        self.position = position
        self.skip = skip
        self.rows = rows
    }

    /// Changes with a higher data sequence number are still needed.
    var neededAbove: Int64 { min(position.sequence, rows?.mergedUpTo ?? .max) }

    // MARK: - JSON

    init(json object: JSONObject) throws(WeirError) {
        position = ChangePosition(
            snapshotId: try object.optionalLong("snapshot"),
            sequence: try object.long("sequence")
        )
        skip = try object.long("skip")
        guard position.sequence >= 0, skip >= 0 else {
            throw WeirError(.corrupt, "a consumer's place is negative")
        }
        rows = try object["rows"]?.asObject.map { (rows) throws(WeirError) in
            let base = try rows.optionalLong("base")
            let change = try rows.optionalLong("change")
            return Rows(
                point: ReadPoint(base: base, change: change, upTo: try rows.long("up-to")),
                mergedUpTo: try rows.long("merged"),
                delivered: try rows.long("delivered")
            )
        }
    }

    var json: JSONObject {
        var object: JSONObject = ["sequence": .integer(position.sequence)]
        object["snapshot"] = position.snapshotId.map { .integer($0) } ?? .null
        object["skip"] = .integer(skip)
        if let rows {
            object["rows"] = .object([
                "base": rows.point.baseSnapshotId.map { .integer($0) } ?? .null,
                "change": rows.point.changeSnapshotId.map { .integer($0) } ?? .null,
                "up-to": .integer(rows.point.changeSequence), "merged": .integer(rows.mergedUpTo),
                "delivered": .integer(rows.delivered),
            ])
        }
        return object
    }
}

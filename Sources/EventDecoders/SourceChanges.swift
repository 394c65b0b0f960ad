import Bytes
import ChangeEvents
import Columnar

/// Decoded changes of all source tables that share the same destinations: every column that any destination needs, once
/// per type, in record order.
public struct SourceChanges: Sendable {
    /// The part of the changes that one destination takes.
    public struct Route: Sendable {
        public let target: TableTarget
        /// The indices of its columns.
        public let columns: [Int]
        /// A `ChangeKind` raw value for each row, or `leftOut`. Kinds are per destination, because the primary key, and
        /// so whether an update changes it, differs between destinations.
        public let kinds: Buffer
        /// The number of rows whose records this destination rejected.
        public let leftOutCount: Int

        public init(target: TableTarget, columns: [Int], kinds: Buffer, leftOutCount: Int) {
            self.target = target
            self.columns = columns
            self.kinds = kinds
            self.leftOutCount = leftOutCount
        }
    }

    public static let leftOut: UInt8 = 255

    public let columns: [ColumnVector]
    /// The offset of each row's record, in non-descending order.
    public let offsets: Buffer
    public let count: Int
    public let routes: [Route]

    public init(columns: [ColumnVector], offsets: Buffer, count: Int, routes: [Route]) {
        self.columns = columns
        self.offsets = offsets
        self.count = count
        self.routes = routes
    }

    /// The changes of one destination. Columns are shared, and only copied if rows are left out.
    func changes(of route: Route) -> ChangeBatch {
        let schema = route.target.schema
        let rows = ColumnBatch(schema: schema, columns: route.columns.map { columns[$0] }, count: count)
        let batch = ChangeBatch(rows: rows, kinds: route.kinds, offsets: offsets)
        guard route.leftOutCount > 0 else { return batch }
        let kinds = route.kinds.values(as: UInt8.self)
        return batch.gathered((0..<count).filter { kinds[$0] != Self.leftOut }.map { Int32($0) })
    }

    /// One batch for each destination that gets rows, by its index. The rows are in record order, even if they come
    /// from several source tables.
    static func routed(_ sources: [SourceChanges]) -> [(table: Int, batch: ChangeBatch)] {
        var parts: [Int: [ChangeBatch]] = [:]
        for source in sources {
            for route in source.routes where route.leftOutCount < source.count {
                parts[route.target.index, default: []].append(source.changes(of: route))
            }
        }
        return parts.sorted { $0.key < $1.key }.map { ($0.key, ChangeBatch.merged($0.value)) }
    }
}

extension ChangeBatch {
    /// Merges batches of the same schema by offset. No two batches contain the same record.
    static func merged(_ parts: [ChangeBatch]) -> ChangeBatch {
        if parts.count == 1 { return parts[0] }
        // Each part is already sorted, so the sort merges runs and keeps the two rows of an update together.
        var order: [(offset: Int64, pick: RowPick)] = []
        order.reserveCapacity(parts.reduce(0) { $0 + $1.count })
        for (number, part) in parts.enumerated() {
            let offsets = part.offsets.values(as: Int64.self)
            for row in 0..<part.count { order.append((offsets[row], RowPick(source: Int32(number), row: Int32(row)))) }
        }
        order.sort { $0.offset < $1.offset }
        let kinds = Buffer.filled(count: order.count) { target in
            for (index, item) in order.enumerated() {
                target[index] = parts[Int(item.pick.source)].kinds.values(as: UInt8.self)[Int(item.pick.row)]
            }
        }
        let offsets = order.map(\.offset).withUnsafeBytes { Buffer(copying: $0) }
        let rows = ColumnBatch.interleaved(
            parts.map(\.rows),
            schema: parts[0].rows.schema,
            picks: order.map(\.pick)
        )
        return ChangeBatch(rows: rows, kinds: kinds, offsets: offsets)
    }
}

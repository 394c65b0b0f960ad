import Bytes
import Columnar
import IcebergFormat
import IcebergTables
import Testing
import WeirTesting

/// Partition pruning at the extreme values of the types, in Weir's tables and in those of writers whose hours wrap
/// around.
@Suite struct ExtremePruningTests {
    static let schema = Schema([
        Field(id: 1, name: "i", type: .int), Field(id: 2, name: "l", type: .long),
        Field(id: 3, name: "at", type: .timestamptz), Field(id: 4, name: "m", type: .decimal(precision: 38, scale: 0)),
        Field(id: 5, name: "day", type: .date),
    ])
    static let specs: [[String]] = [
        ["truncate(10, i)"], ["truncate(7, i)"], ["truncate(1000, l)"], ["hour(at)"], ["truncate(64, m)"], ["at"],
        ["day(at)", "truncate(3, l)"], ["month(day)", "hour(at)"], ["year(at)", "day"], ["bucket(7, l)", "i"],
    ]

    static func foreign(_ transform: Transform, _ source: Scalar) -> Scalar? {
        guard transform == .hour, case .timestamptz(let micros) = source else { return nil }
        let (days, time) = daysAndTime(micros)
        return .int(Int32(truncatingIfNeeded: days * 24 + Int(time / 3_600_000_000)))
    }

    @Test(arguments: SeededGenerator.seeds(20))
    func `no partition with a matching row is left out`(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let texts = Self.specs[Int(seed % UInt64(Self.specs.count))]
        let spec = try PartitionSpec(parsing: texts, schema: Self.schema)
        let isForeign = Bool.random(using: &random)
        try withTemporaryFolder { folder in
            var table = try makeCatalog(folder).create(try TableIdentifier("db.t"), schema: Self.schema, spec: spec)
            var contents: [String: [[Scalar]]] = [:]
            for commit in 0..<4 {
                var groups: [[Scalar]: [[Scalar]]] = [:]
                for _ in 0..<12 {
                    let row = Self.schema.fields.map { Scalar.extreme($0.type, &random) }
                    let key = try spec.fields.map { field in
                        let source = row[field.sourceId - 1]
                        let foreign = isForeign ? Self.foreign(field.transform, source) : nil
                        return try foreign ?? field.transform.apply(source)
                    }
                    groups[key, default: []].append(row)
                }
                var transaction = Transaction(table)
                transaction.append(
                    groups.enumerated().map { index, group in
                        contents["\(commit)-\(index)"] = group.value
                        return DataFile(
                            content: .data,
                            path: "file:///nowhere/\(commit)-\(index)",
                            partition: group.key,
                            recordCount: Int64(group.value.count),
                            fileSize: 1000
                        )
                    }
                )
                table = try transaction.commit()
            }
            for _ in 0..<150 {
                let field = try #require(Self.schema.fields.randomElement(using: &random))
                let value = Scalar.extreme(field.type, &random)
                if value == .null { continue }
                let comparison = try #require(
                    [RowFilter.Bound.Comparison.less, .lessOrEqual, .equal, .greaterOrEqual, .greater].randomElement(
                        using: &random
                    )
                )
                let bound = RowFilter.Bound(field: field.id, comparison, value)
                let kept = Set(try table.plan(bounds: [bound]).map(\.file.path.lastPathComponent))
                for (name, rows) in contents where !kept.contains(name) {
                    let lost = rows.first { PruningTests.matches($0[field.id - 1], bound) }
                    #expect(lost == nil, "\(texts) \(bound) lost \(name), seed \(seed)")
                }
            }
        }
    }

    @Test func `a row at the end of its type is found through its wrapped partition`() throws {
        try withTemporaryFolder { folder in
            let spec = try PartitionSpec(parsing: ["truncate(10, i)"], schema: Self.schema)
            var table = try makeCatalog(folder).create(try TableIdentifier("db.t"), schema: Self.schema, spec: spec)
            for (name, value) in [("least", Int32.min), ("small", -5), ("large", 15)] {
                var transaction = Transaction(table)
                let partition = try spec.fields.map { try $0.transform.apply(.int(value)) }
                transaction.append([
                    DataFile(
                        content: .data,
                        path: "file:///nowhere/\(name)",
                        partition: partition,
                        recordCount: 1,
                        fileSize: 9
                    )
                ])
                table = try transaction.commit()
            }
            func found(_ comparison: RowFilter.Bound.Comparison, _ value: Int32) throws -> Set<String> {
                let bound = RowFilter.Bound(field: 1, comparison, .int(value))
                return Set(try table.plan(bounds: [bound]).map(\.file.path.lastPathComponent))
            }
            #expect(try found(.less, 0) == ["least", "small"])
            #expect(try found(.equal, .min).contains("least"))
            #expect(try found(.greater, -2_147_483_645).isSuperset(of: ["small", "large"]))
        }
    }

    @Test func `record counts of any size add up to no more than there are numbers`() throws {
        try withTemporaryFolder { folder in
            var table = try makeCatalog(folder).create(try TableIdentifier("db.t"), schema: Self.schema)
            for name in ["a", "b", "c"] {
                var transaction = Transaction(table)
                transaction.append([
                    DataFile(content: .data, path: "file:///nowhere/\(name)", recordCount: .max, fileSize: .max),
                    DataFile(content: .data, path: "file:///nowhere/\(name)2", recordCount: .max, fileSize: .max),
                ])
                table = try transaction.commit()
            }
            #expect(try table.liveNames().count == 6)
            let summary = try #require(table.metadata.currentSnapshot).summary
            #expect(summary["added-records"] == String(Int64.max))
            // A total that exceeds 64 bits is not used.
            #expect(summary["total-data-files"] == "6")
            #expect(summary["total-records"] == nil)
        }
    }
}

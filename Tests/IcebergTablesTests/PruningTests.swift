import Bytes
import Columnar
import IcebergFormat
import IcebergTables
import ObjectStorage
import Testing
import WeirTesting

/// Pruning compared with a model: a file with a matching row is never pruned.
@Suite struct PruningTests {
    static let schema = Schema([
        Field(id: 1, name: "id", type: .long), Field(id: 2, name: "at", type: .timestamptz),
        Field(id: 3, name: "name", type: .string), Field(id: 4, name: "ratio", type: .double),
    ])

    static func row(_ random: inout SeededGenerator) -> [Scalar] {
        func orNull(_ value: Scalar) -> Scalar { Int.random(in: 0..<8, using: &random) == 0 ? .null : value }
        return [
            orNull(.long(Int64.random(in: -50...50, using: &random))),
            orNull(.timestamptz(Int64.random(in: -5...5, using: &random) * 20_000_000_000)),
            orNull(.string(["", "a", "ab", "abc", "b", "ß", "🦆"].randomElement(using: &random) ?? "")),
            orNull(.double([-.infinity, -1.5, -0.0, 0, 2.5, .nan].randomElement(using: &random) ?? 0)),
        ]
    }

    static func matches(_ value: Scalar, _ bound: RowFilter.Bound) -> Bool {
        guard value != .null else { return false }
        switch bound.comparison {
        case .less: return value.precedes(bound.value) == true
        case .lessOrEqual: return bound.value.precedes(value) == false
        case .equal: return value.precedes(bound.value) == false && bound.value.precedes(value) == false
        case .greaterOrEqual: return value.precedes(bound.value) == false
        case .greater: return bound.value.precedes(value) == true
        }
    }

    static func file(_ name: String, _ rows: [[Scalar]], _ partition: [Scalar]) -> DataFile {
        let columns = schema.fields.enumerated().map { index, field in
            let values = rows.map { $0[index] }
            let isNaN = { (value: Scalar) in if case .double(let number) = value { number.isNaN } else { false } }
            let ordered = values.filter { $0 != .null && !isNaN($0) }.sorted { $0.precedes($1) == true }
            return ParquetFileSummary.ColumnSummary(
                field: field.id,
                compressedSize: 1,
                valueCount: Int64(rows.count),
                nullCount: Int64(values.count { $0 == .null }),
                nanCount: Int64(values.count(where: isNaN)),
                lower: ordered.first,
                upper: ordered.last
            )
        }
        let summary = ParquetFileSummary(rowCount: Int64(rows.count), fileSize: 1, splitOffsets: [4], columns: columns)
        return DataFile(
            parquet: "file:///nowhere/" + name,
            summary,
            partition: partition,
            metrics: MetricsConfig(
                properties: ["write.metadata.metrics.default": "truncate(1)"],
                schema: schema
            )
        )
    }

    @Test(arguments: SeededGenerator.seeds(12))
    func `no file with a matching row is left out`(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let specs: [[String]] = [
            [], ["id"], ["truncate(10, id)"], ["bucket(5, id)"], ["day(at)"], ["hour(at)", "truncate(1, name)"],
            ["ratio"], ["month(at)", "name"], ["void(id)", "year(at)"],
        ]
        try withTemporaryFolder { folder in
            let texts = specs[Int(seed % UInt64(specs.count))]
            let spec = try PartitionSpec(parsing: texts, schema: Self.schema)
            var table = try makeCatalog(folder).create(try TableIdentifier("db.t"), schema: Self.schema, spec: spec)
            var contents: [String: [[Scalar]]] = [:]
            for commit in 0..<3 {
                var groups: [[Scalar]: [[Scalar]]] = [:]
                for _ in 0..<30 {
                    let row = Self.row(&random)
                    let key = try spec.fields.map { try $0.transform.apply(row[$0.sourceId - 1]) }
                    groups[key, default: []].append(row)
                }
                var files: [DataFile] = []
                for (key, rows) in groups {
                    // NaN is not equal to itself, so each NaN gets its own file.
                    let name = "\(commit)-\(files.count)"
                    contents[name] = rows
                    files.append(Self.file(name, rows, key))
                }
                var transaction = Transaction(table)
                transaction.append(files)
                table = try transaction.commit()
            }
            var pruned = 0
            for _ in 0..<80 {
                let comparisons: [RowFilter.Bound.Comparison] = [
                    .less, .lessOrEqual, .equal, .greaterOrEqual, .greater,
                ]
                let bounds = try (0..<Int.random(in: 1...2, using: &random)).map { _ in
                    let field = Int.random(in: 1...4, using: &random)
                    var value = Scalar.null
                    while value == .null || value == .double(.nan) || "\(value)".contains("nan") {
                        value = Self.row(&random)[field - 1]
                    }
                    let comparison = try #require(comparisons.randomElement(using: &random))
                    return RowFilter.Bound(field: field, comparison, value)
                }
                for columns in [nil, [], [Int.random(in: 1...4, using: &random)]] as [Set<Int>?] {
                    let kept = Set(
                        try table.plan(bounds: bounds, statisticsOf: columns).map(
                            \.file.path.lastPathComponent
                        )
                    )
                    for (name, rows) in contents where !kept.contains(name) {
                        pruned += 1
                        let lost = rows.first { row in bounds.allSatisfy { Self.matches(row[$0.field - 1], $0) } }
                        #expect(lost == nil, "\(texts) \(bounds) lost \(name), seed \(seed)")
                    }
                }
            }
            #expect(pruned > 0)
        }
    }
}

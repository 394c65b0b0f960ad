import Bytes
import ChangeEvents
import Columnar
import EventLog
import IcebergFormat
import Testing
import WeirTesting

@testable import StreamRuntime

/// Joined rows with more text than a column can hold are split into several batches.
@Suite struct JoinStageTests {
    private static let topology = """
        name: test
        pipeline: { commit.interval: 1h, commit.bytes: 1kb }
        source: { name: all, type: file-log, topics: [people], format: debezium-json }
        tables:
          - name: shop.people
            columns: { id: long, name: string, amount: "decimal(12,2)", country: string }
            primary-key: [id]
          - name: shop.visits
            columns: { id: long, person: long, note: string }
            primary-key: [id]
        route: [{ source-table: shop.public.(.*), sink-table: shop.$1 }]
        join:
          - name: shop.visitors
            from: shop.visits
            lookup: shop.people
            as: p
            on: person = p.id
            type: TYPE
            select: "visits.id, person, p.name AS who"
            primary-key: [id]
        sink: { type: mixed-iceberg }
        """

    /// Changes of visits. A record has up to three changes with the same offset; an update has two.
    private static func changes(_ schema: Schema, _ random: inout SeededGenerator) -> ChangeBatch {
        var rows: [[Scalar]] = []
        var kinds: [UInt8] = []
        var offsets: [Int64] = []
        for offset in 0..<60 {
            let row = { (person: UInt64) -> [Scalar] in
                [.long(Int64(offset)), person == 0 ? .null : .long(Int64(person)), .string("note")]
            }
            for _ in 0...random.next() % 3 {
                let changes: [ChangeKind] =
                    switch random.next() % 3 {
                    case 0: [.insert]
                    case 1: [.delete]
                    default: [.updateBefore, .updateAfter]
                    }
                for kind in changes {
                    // Some visits have no person, and some have a person that does not exist.
                    rows.append(row(random.next() % 6))
                    kinds.append(kind.rawValue)
                    offsets.append(Int64(offset))
                }
            }
        }
        let columns = schema.fields.indices.map { index in
            var builder = ColumnBuilder(schema.fields[index].type)
            for row in rows { builder.append(row[index]) }
            return builder.finish()
        }
        return ChangeBatch(
            rows: ColumnBatch(schema: schema, columns: columns, count: rows.count),
            kinds: Buffer(copying: kinds),
            offsets: Buffer(copying: offsets.flatMap { offset in withUnsafeBytes(of: offset) { Array($0) } })
        )
    }

    private struct Row: Equatable {
        let kind: ChangeKind
        let offset: Int64
        let values: [Scalar]
    }

    private static func rows(_ parts: [JoinStage.Joined]) -> [Row] {
        parts.flatMap { part in
            (0..<part.batch.count).map { row in
                Row(
                    kind: part.batch.kind(row),
                    offset: part.batch.offset(row),
                    values: part.batch.rows.columns.map { $0.scalar(row) }
                )
            }
        }
    }

    @Test(arguments: SeededGenerator.seeds(3), ["left", "inner"])
    func `texts that do not fit into one batch come in several, records whole and in order`(
        seed: UInt64,
        type: String
    ) throws {
        try withTemporaryFolder { folder in
            let fixture = IngestFixture(folder: folder)
            let log = try FileLog(root: fixture.logRoot)
            try log.createTopic("people")
            let writer = FileLogWriter(log)
            defer { writer.close() }
            let names = (1...3).map { String(repeating: "\($0)", count: 1000) }
            let people = names.enumerated().map { index, name in
                DebeziumHistory.Record(
                    key: nil,
                    value: """
                        {"before":null,"after":{"id":\(index + 1),"name":"\(name)","amount":"1","country":null},\
                        "source":{"db":"shop","schema":"public","table":"people","ts_ms":1},"op":"c","ts_ms":2}
                        """
                )
            }
            try DebeziumHistory.append(people, to: writer, topic: "people")
            let text = Self.topology.replacing("TYPE", with: type)
            try fixture.run(text)
            let plan = try IngestPlan.resolve(
                IngestFixture.topology(text),
                catalog: fixture.catalog(),
                nowMilliseconds: 1_700_000_000_000
            ) { (_) throws(WeirError) in log }
            let join = plan.joins[0]
            let stream = plan.targets[join.target].outputSchema
            let dimension = LiveDimension(join, clock: .system, isStopping: { false }, onWarning: { _ in })
            try dimension.begin(feed: nil, isShared: false, check: {})
            let sink = try SinkTable(
                name: join.name,
                rows: join.select.schema,
                table: join.table,
                topology: "test",
                route: nil
            )
            func stage(_ textBytes: Int) throws -> JoinStage {
                try JoinStage(join, target: stream, sink: sink, dimension: dimension, textBytes: textBytes)
            }
            var random = SeededGenerator(seed: seed)
            let batch = Self.changes(stream, &random)
            let whole = try stage(1 << 20).apply(batch)
            #expect(whole.count == 1)
            let expected = Self.rows(whole)
            #expect(expected.contains { $0.values.last == .string(names[2]) })
            // From a few rows per part on.
            for textBytes in [2_000, 6_500, 20_000] {
                let parts = try stage(textBytes).apply(batch)
                let what = "seed \(seed), \(textBytes) bytes"
                #expect(parts.count > 2, "\(what)")
                #expect(Self.rows(parts) == expected, "\(what)")
                for part in parts {
                    let bytes = Self.rows([part]).reduce(0) { sum, row in
                        if case .string(let name) = row.values.last { sum + name.utf8.count } else { sum }
                    }
                    #expect(bytes <= textBytes, "\(what)")
                }
                if textBytes == 2_000 { continue }
                // No record is that large.
                for (one, next) in zip(parts, parts.dropFirst()) where one.batch.count > 0 && next.batch.count > 0 {
                    #expect(one.batch.offset(one.batch.count - 1) < next.batch.offset(0), "\(what)")
                }
            }
        }
    }
}

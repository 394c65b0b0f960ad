import Bytes
import CArrowShim
import Columnar
import Testing
import WeirTesting

struct ArrowExchangeTests {
    @Test
    func `batches and slices of them come back, sharing memory`() throws {
        var generator = SeededGenerator(seed: 37)
        let whole = SampleRows.batch(rows: 200, using: &generator)
        for (start, count) in [(0, 200), (1, 150), (8, 64), (13, 0), (199, 1)] {
            let batch = whole.sliced(from: start, count: count)
            var array = batch.exportedToArrow()
            let back = try ColumnBatch(importing: &array, schema: batch.schema)
            #expect(array.release == nil)
            #expect(back.scalars == batch.scalars)
            if count > 0 { #expect(back.columns[4].values.base == batch.columns[4].values.base) }
        }
    }

    @Test
    func `arrays with offsets of their own are read from there`() throws {
        var generator = SeededGenerator(seed: 41)
        let whole = SampleRows.batch(rows: 100, using: &generator)
        for offset in [1, 7, 8, 9, 64] {
            var array = whole.exportedToArrow()
            array.offset = Int64(offset)
            array.length -= Int64(offset)
            let back = try ColumnBatch(importing: &array, schema: whole.schema)
            #expect(back.scalars == whole.sliced(from: offset, count: 100 - offset).scalars)
        }
    }

    @Test
    func `columns widen along the promotions of Iceberg and no further`() {
        let wide: [(Scalar, FieldType, FieldType, Scalar)] = [
            (.int(-3), .int, .long, .long(-3)), (.float(0.5), .float, .double, .double(0.5)),
            (
                .decimal(-7, scale: 2), .decimal(precision: 5, scale: 2), .decimal(precision: 9, scale: 2),
                .decimal(-7, scale: 2)
            ),
        ]
        for (value, from, to, expected) in wide {
            var builder = ColumnBuilder(from)
            builder.append(value)
            builder.appendNull()
            let column = builder.finish()
            let promoted = column.promoted(to: to)
            #expect(promoted?.type == to && promoted?.scalar(0) == expected && promoted?.scalar(1) == .null)
            #expect(promoted?.promoted(to: from) == nil)
        }
    }

    @Test
    func `the memory of a batch is freed when the last reader lets go`() throws {
        final class Owner {}
        let bytes: [Int64] = [1, 2, 3]
        weak var alive: Owner?
        try bytes.withUnsafeBytes { raw in
            let base = try #require(raw.baseAddress)
            var batch: ColumnBatch?
            do {
                let owner = Owner()
                alive = owner
                let values = Buffer(base: base, count: 24, owner: owner)
                let column = ColumnVector(type: .long, count: 3, validity: nil, values: values)
                let schema = Schema([Field(id: 1, name: "a", type: .long)])
                var array = ColumnBatch(schema: schema, columns: [column], count: 3).exportedToArrow()
                batch = try ColumnBatch(importing: &array, schema: schema)
            }
            #expect(alive != nil)
            #expect(batch?.columns[0].scalar(2) == .long(3))
            batch = nil
            #expect(alive == nil)
        }
    }

    @Test
    func `a batch with too few columns is refused and released`() {
        var generator = SeededGenerator(seed: 43)
        var array = SampleRows.batch(rows: 3, using: &generator).exportedToArrow()
        #expect(throws: WeirError.self) {
            try ColumnBatch(importing: &array, schema: Schema([Field(id: 1, name: "a", type: .long)]))
        }
        #expect(array.release == nil)
    }

    @Test
    func `a validity without nulls is dropped`() throws {
        let validity = Buffer(copying: [UInt8](repeating: 0xff, count: 1))
        let values = Buffer(copying: [UInt8](repeating: 1, count: 24))
        let column = ColumnVector(type: .long, count: 3, validity: validity, values: values)
        let schema = Schema([Field(id: 1, name: "a", type: .long)])
        var array = ColumnBatch(schema: schema, columns: [column], count: 3).exportedToArrow()
        #expect(try ColumnBatch(importing: &array, schema: schema).columns[0].validity == nil)
    }

    @Test
    func `concatenation is the rows in order`() {
        var generator = SeededGenerator(seed: 47)
        let whole = SampleRows.batch(rows: 300, using: &generator)
        for _ in 0..<30 {
            let parts = (0..<Int.random(in: 1..<6, using: &generator)).map { _ in
                let start = Int.random(in: 0..<300, using: &generator)
                return whole.sliced(from: start, count: Int.random(in: 0...300 - start, using: &generator))
            }
            #expect(ColumnBatch.concatenated(parts).scalars == parts.flatMap(\.scalars))
        }
    }
}

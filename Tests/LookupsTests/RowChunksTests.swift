import Columnar
import Testing

@testable import Lookups

@Suite struct RowChunksTests {
    private static let schema = Schema([Field(id: 1, name: "text", type: .string)])

    private static func rows(_ count: Int, bytes: Int) -> ColumnBatch {
        var column = ColumnBuilder(.string)
        let text = String(repeating: "x", count: bytes)
        for _ in 0..<count { column.append(.string(text)) }
        return ColumnBatch(schema: schema, columns: [column.finish()], count: count)
    }

    /// Fills the chunks without removing rows. Returns the size of the largest chunk, in bytes.
    private static func fill(_ chunks: inout RowChunks, _ batches: Int, _ batch: ColumnBatch) -> Int {
        var largest = 0
        for _ in 0..<batches {
            _ = chunks.add(batch)
            while true {
                let due = chunks.due()
                if due.isEmpty { break }
                let sources = due.compactMap { chunks.slots[$0] }
                let picks = sources.enumerated().flatMap { source in
                    (0..<source.element.count).map { RowPick(source: Int32(source.offset), row: Int32($0)) }
                }
                chunks.remove(due, copied: picks.count)
                let merged = ColumnBatch.interleaved(sources, schema: schema, picks: picks)
                largest = max(largest, merged.byteCount)
                _ = chunks.add(merged)
            }
        }
        return largest
    }

    @Test func `wide rows are not put together beyond a bound in bytes`() {
        var chunks = RowChunks(fullBytes: 512 << 10)
        let largest = Self.fill(&chunks, 300, Self.rows(10, bytes: 9_000))
        #expect(largest > 512 << 10)
        #expect(largest <= 8 * (512 << 10) + (64 << 10))
        #expect(chunks.byteCount > 300 * 90_000)
    }

    @Test func `what is full is left alone however much comes`() {
        var chunks = RowChunks(fullRows: 2048)
        let batches = 4_000
        _ = Self.fill(&chunks, batches, Self.rows(4, bytes: 1))
        // Once for each tier.
        #expect(chunks.copied <= 4 * batches * 4, "\(chunks.copied) rows were copied")
        let after = chunks.copied
        _ = Self.fill(&chunks, 8, Self.rows(4, bytes: 1))
        #expect(chunks.copied - after < 4096)
    }
}

import Testing

@testable import StreamRuntime

/// Dead letters are reported as they occur, but not one by one.
@Suite struct LetterNoticesTests {
    private static func letter(_ offset: Int64, table: String? = "shop.orders") -> DeadLetter {
        DeadLetter(topic: "orders", partition: 1, offset: offset, table: table, reason: "after.n: expected int")
    }

    @Test func `the first is told at once, the next ones together after a while`() throws {
        var notices = LetterNotices(path: "/w/dead-letters/t.ndjson")
        let start = ContinuousClock.now
        let told = notices.take(Self.letter(5), at: start)
        let first = try #require(told)
        #expect(first.contains("topic orders, partition 1, offset 5, for shop.orders"), "\(first)")
        #expect(first.contains("after.n: expected int; see /w/dead-letters/t.ndjson"), "\(first)")
        var early: [String] = []
        for offset in 6..<1000 {
            early += [notices.take(Self.letter(Int64(offset)), at: start + .seconds(29))].compactMap(\.self)
        }
        #expect(early.isEmpty)
        let next = notices.take(Self.letter(1000), at: start + .seconds(30))
        let later = try #require(next)
        #expect(
            later.hasPrefix("995 more dead letters, the latest (topic orders, partition 1, offset 1000"),
            "\(later)"
        )
        let soon = notices.take(Self.letter(1001), at: start + .seconds(31))
        #expect(soon == nil)
    }

    @Test func `what was held back is told when its time has come, though no more come`() throws {
        var notices = LetterNotices(path: "p")
        let start = ContinuousClock.now
        #expect(notices.due(at: start) == nil)
        _ = notices.take(Self.letter(5), at: start)
        for offset in 6..<9 as Range<Int64> { _ = notices.take(Self.letter(offset), at: start + .seconds(1)) }
        #expect(notices.due(at: start + .seconds(29)) == nil)
        let told = notices.due(at: start + .seconds(30))
        #expect(told?.hasPrefix("3 more dead letters, the latest (topic orders, partition 1, offset 8") == true)
        #expect(notices.due(at: start + .seconds(90)) == nil)
    }

    @Test func `records are counted, not letters`() {
        var notices = LetterNotices(path: "p")
        for offset in [1, 1, 2, 3, 3] as [Int64] { _ = notices.take(Self.letter(offset), at: .now) }
        #expect(notices.records == 3)
    }
}

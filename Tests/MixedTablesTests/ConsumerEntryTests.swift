import Bytes
import MixedTables
import Testing

/// What a table notes of the consumers of its changes.
@Suite struct ConsumerEntryTests {
    private static func properties(_ consumers: [String: Consumer]) -> [String: String] {
        Dictionary(uniqueKeysWithValues: consumers.map { (Consumer.propertyName($0.key), $0.value.json) })
    }

    private static func consumer(at sequence: Int64, seen: Int64 = 0, ttl: Int64 = 100) -> Consumer {
        Consumer(place: ConsumerPlace(ChangePosition(sequence: sequence)), nowMilliseconds: seen, ttlMs: ttl)
    }

    @Test func `an entry is read back as it was written`() throws {
        var consumer = Self.consumer(at: 7, seen: 1_700_000_000_000)
        consumer.place.position = ChangePosition(snapshotId: 9_007_199_254_740_993, sequence: 7)
        consumer.place.skip = ChangeSkip(count: 12, commit: 9)
        consumer.progressMs -= 5
        consumer.session = ConsumerSession(id: "a1", host: "db-3", process: 4711, untilMs: 1_700_000_060_000)
        #expect(try Consumer(json: consumer.json) == consumer)
    }

    @Test func `live consumers need what comes after the one furthest back`() {
        let all = Consumers(
            Self.properties([
                "a": Self.consumer(at: 7), "b": Self.consumer(at: 5), "late": Self.consumer(at: 2, ttl: 50),
            ])
        )
        #expect(all.oldestNeeded(nowMilliseconds: 50) == 2)
        #expect(all.oldestNeeded(nowMilliseconds: 51) == 5)
        #expect(all.oldestNeeded(nowMilliseconds: 100) == 5)
        #expect(all.oldestNeeded(nowMilliseconds: 101) == nil)
        // The clock was set back behind the last sign of life.
        #expect(all.oldestNeeded(nowMilliseconds: -1_000_000) == 2)
        #expect(Consumers(["other": "{}"]).oldestNeeded(nowMilliseconds: 0) == nil)
    }

    @Test func `a damaged entry keeps everything`() {
        var properties = Self.properties(["a": Self.consumer(at: 7)])
        for text in ["", "[]", #"{"sequence":-1}"#, #"{"sequence":1,"skip":0,"progress-ms":1,"seen-ms":1,"ttl-ms":0}"#]
        {
            properties[Consumer.propertyName("b")] = text
            let all = Consumers(properties)
            #expect(all.damaged == ["b"])
            #expect(all.oldestNeeded(nowMilliseconds: 1_000_000) == 0)
        }
    }

    @Test func `names are checked`() throws {
        for name in ["a", "Orders_2.to-search", "0"] { try Consumer.check(name: name) }
        for name in ["", ".a", "-a", "a b", "ä", "a/b", String(repeating: "a", count: 129)] {
            #expect(throws: WeirError.self) { try Consumer.check(name: name) }
        }
    }
}

import ChangeEvents
import Columnar
import EventLog
import Testing
import WeirTesting

@testable import EventDecoders

/// Columns of random units and values, over batches and restarts, compared with the source's meaning.
struct TimeUnitModelTests {
    private static func micros(_ value: Int64, _ unit: TimeUnit) -> Int64 {
        switch unit {
        case .milliseconds: value * 1000
        case .microseconds: value
        case .nanoseconds: value / 1000 - (value % 1000 < 0 ? 1 : 0)
        }
    }

    /// A source column, and what is known about it in advance.
    private struct Source {
        let isTimeOfDay: Bool
        let unit: TimeUnit
        /// Whether all values are typical for their column.
        let isPlain: Bool

        init(_ random: inout SeededGenerator) {
            isTimeOfDay = Int.random(in: 0..<3, using: &random) == 0
            unit = TimeUnit.allCases.randomElement(using: &random) ?? .milliseconds
            isPlain = Bool.random(using: &random)
        }

        /// A typical timestamp, or a time of day from 01:00 on.
        func plain(_ random: inout SeededGenerator) -> Int64 {
            let millis: Int64 =
                isTimeOfDay
                ? .random(in: 3_600_000..<86_400_000, using: &random)
                : .random(in: 300_000_000_000...4_000_000_000_000, using: &random)
            return TimeUnitModelTests.scaled(millis, unit, &random)
        }

        func value(_ random: inout SeededGenerator) -> Int64 {
            if isPlain { return plain(&random) }
            let kind = Int.random(in: 0..<8, using: &random)
            if isTimeOfDay {
                // Midnight, and the first minutes and seconds after it.
                let end: Int64 = [1, 1000, 90_000, 3_600_000, 86_400_000][kind % 5]
                return TimeUnitModelTests.scaled(.random(in: 0..<end, using: &random), unit, &random)
            }
            let year: Int64 = 31_556_952_000
            let range: ClosedRange<Int64> =
                switch kind {
                case 0: 0...0
                case 1: -1000...1000
                case 2: -90 * 86_400_000...90 * 86_400_000
                case 3: -70 * year...40 * year
                case 4: 230 * year...8029 * year
                case 5: -1969 * year ... -230 * year
                default: 9 * year...130 * year
                }
            // Nanoseconds in 64 bits end in the year 2262.
            let reach = unit == .nanoseconds ? 290 * year : Int64.max / 2000
            let millis = max(-reach, min(reach, .random(in: range, using: &random)))
            return TimeUnitModelTests.scaled(millis, unit, &random)
        }
    }

    private static func scaled(_ millis: Int64, _ unit: TimeUnit, _ random: inout SeededGenerator) -> Int64 {
        let factor: Int64 = unit == .milliseconds ? 1 : unit == .microseconds ? 1000 : 1_000_000
        return millis * factor + .random(in: 0..<factor, using: &random)
    }

    private static func events(_ values: [Int64]) -> RawBatch {
        RawBatch(values.map { Event("{\"after\":{\"id\":1,\"at\":\($0)},\"op\":\"c\"}") })
    }

    /// Every column has a typical value somewhere. A decoded time must be the source's, unless the column was reported;
    /// with configured units every time must be.
    @Test(arguments: SeededGenerator.seeds(4))
    func `no value becomes another time without a word`(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        for round in 0..<400 {
            let source = Source(&random)
            let units = MemoryUnits()
            var options = DebeziumJSONOptions()
            let type: FieldType = source.isTimeOfDay ? .time : .timestamp
            let target = TableTarget(index: 0, schema: Schema(["id": .long, "at": type]), primaryKey: ["id"])
            func start() -> DebeziumJSONDecoder { DebeziumJSONDecoder(options, units: units) { _ in [target] } }
            var decoder = start()
            var (wrong, doubts) = (0, 0)
            var batches = (0..<6).map { _ in
                (0..<Int.random(in: 1..<5, using: &random)).map { _ in source.value(&random) }
            }
            batches.append([source.plain(&random)])
            for values in batches {
                if Bool.random(using: &random) { decoder = start() }
                var decoded = try decoder.decode(Self.events(values))
                if !decoded.doubts.isEmpty {
                    #expect(decoded.changes.isEmpty)
                    doubts += 1
                    options.timeUnit = source.unit
                    options.timestampUnit = source.unit
                    decoder = start()
                    decoded = try decoder.decode(Self.events(values))
                }
                #expect(decoded.doubts.isEmpty && decoded.rejected.isEmpty, "seed \(seed), round \(round): \(values)")
                let found = decoded.changes.flatMap { _, batch in
                    (0..<batch.count).map { batch.rows.columns[1].pointer(as: Int64.self)[$0] }
                }
                let meant = values.map { Self.micros($0, source.unit) }
                wrong += zip(found, meant).count { $0 != $1 }
                if doubts > 0 { #expect(found == meant, "seed \(seed), round \(round): \(values)") }
            }
            #expect(wrong == 0 || doubts > 0, "seed \(seed), round \(round): \(source), \(batches)")
            let isTold = source.isTimeOfDay && source.unit == .milliseconds
            if source.isPlain { #expect(doubts == (isTold ? 1 : 0), "seed \(seed), round \(round): \(batches)") }
            #expect(doubts <= 1)
        }
    }
}

import Bytes
import ChangeEvents
import Columnar
import EventLog
import Foundation
import Testing
import WeirTesting

@testable import LogStores

/// Flips, states and hand-over, checked row by row.
struct LogStoreReaderTests {
    private static let schema = Schema(["id": .long])
    private let log = MemoryLog()

    private func writer(_ id: String = "aaaa", epoch: Int64, format: LogStoreFormat = .json) throws -> LogStoreWriter {
        try LogStoreWriter(
            log,
            schema: Self.schema,
            primaryKey: [0],
            upstream: UpstreamID(id),
            epoch: epoch,
            format: format
        )
    }

    private func write(_ ids: ClosedRange<Int64>, _ writer: LogStoreWriter, kind: ChangeKind = .insert) throws {
        try writer.write(ChangeBatch(ids.map { Change(kind: kind, values: [.long($0)]) }, schema: Self.schema))
    }

    private func reader(
        _ state: LogStoreReaderState = LogStoreReaderState(offset: 0),
        isConsistent: Bool = true,
        window: Int64 = 3
    ) throws -> LogStoreReader {
        try LogStoreReader(
            log,
            topic: log.topic,
            partition: 0,
            schema: Self.schema,
            state: state,
            isConsistent: isConsistent,
            windowRecords: window
        )
    }

    /// `+1 +2 −2`: each change with its id.
    private func text(_ changes: [LogStoreChanges]) -> String {
        changes.changes.map { change in
            guard case .long(let id)? = change.values.first else { return "?" }
            return (change.kind.isRetraction ? "-" : "+") + "\(id)"
        }.joined(separator: " ")
    }

    private func readAll(_ reader: LogStoreReader) throws -> [LogStoreChanges] {
        var all: [LogStoreChanges] = []
        while let changes = try reader.next() { all += changes }
        return all
    }

    @Test(arguments: LogStoreFormat.allCases)
    func theWorkedExampleIsTakenBackNewestFirst(format: LogStoreFormat) throws {
        let writer = try writer(epoch: 2, format: format)
        try write(1...5, writer)
        writer.beginEpoch(3)
        try write(6...9, writer)
        try writer.flip(2)
        #expect(writer.epoch == 3)
        try write(6...10, writer)
        let all = try readAll(reader())
        #expect(text(all) == "+1 +2 +3 +4 +5 +6 +7 +8 +9 -9 -8 -7 -6 +6 +7 +8 +9 +10")
        var last: Int64 = 0
        for changes in all {
            for row in 0..<changes.batch.count {
                #expect(changes.batch.offset(row) >= last)
                last = changes.batch.offset(row)
            }
        }
        #expect(all.filter(\.isRetraction).allSatisfy { $0.epoch == 3 && $0.recordOffset(0) < $0.batch.offset(0) })
    }

    @Test func withoutTheGuaranteeFlipsArePassedOver() throws {
        let writer = try writer(epoch: 1)
        try write(1...2, writer)
        try writer.flip(0)
        try write(3...3, writer)
        #expect(try text(readAll(reader(isConsistent: false))) == "+1 +2 +3")
    }

    @Test func epochsAreNumbers() throws {
        let writer = try writer(epoch: 9)
        try write(1...1, writer)
        writer.beginEpoch(10)
        try write(2...2, writer)
        try writer.flip(9)
        #expect(try text(readAll(reader())) == "+1 +2 -2")
    }

    @Test func anEpochWithoutRowsTakesLaterOnesBackAllTheSame() throws {
        let writer = try writer(epoch: 1)
        try write(1...1, writer)
        writer.beginEpoch(3)
        try write(2...3, writer)
        try writer.flip(2)
        #expect(try text(readAll(reader())) == "+1 +2 +3 -3 -2")
    }

    @Test func otherUpstreamsStay() throws {
        let (first, second) = (try writer("aaaa", epoch: 5), try writer("bbbb", epoch: 7))
        try write(1...2, first)
        try write(3...4, second)
        try write(5...5, first)
        try first.flip(4)
        #expect(try text(readAll(reader())) == "+1 +2 +3 +4 +5 -5 -2 -1")
    }

    @Test func whatWasTakenBackIsNotTakenBackAgain() throws {
        let writer = try writer(epoch: 1)
        try write(1...1, writer)
        writer.beginEpoch(2)
        try write(2...2, writer)
        writer.beginEpoch(3)
        try write(3...3, writer)
        try writer.flip(2)
        try writer.flip(2)
        try write(4...4, writer)
        try writer.flip(2)
        // Back to an older state than that of the last flip: epoch 2 is retracted as well, epoch 3 already was.
        try writer.flip(1)
        #expect(try text(readAll(reader())) == "+1 +2 +3 -3 +4 -4 -2")
    }

    @Test func updatesAreTakenBackAsPairs() throws {
        let writer = try writer(epoch: 2)
        let update = [
            Change(kind: .updateBefore, values: [.long(1)]), Change(kind: .updateAfter, values: [.long(2)]),
        ]
        try writer.write(ChangeBatch(update, schema: Self.schema))
        try writer.flip(1)
        let all = try readAll(reader())
        #expect(
            all.changes == update + [
                Change(kind: .updateBefore, values: [.long(2)]), Change(kind: .updateAfter, values: [.long(1)]),
            ]
        )
    }

    @Test func nothingInFrontOfTheReadersBeginningIsTakenBack() throws {
        let writer = try writer(epoch: 2)
        try write(1...4, writer)
        try writer.flip(1)
        #expect(try text(readAll(reader(LogStoreReaderState(offset: 2)))) == "+3 +4 -4 -3")
    }

    @Test func theChangeStoreHandsOver() throws {
        let writer = try writer(epoch: 1)
        try write(1...2, writer)
        writer.beginEpoch(2)
        try write(3...4, writer)
        writer.beginEpoch(3)
        try write(5...6, writer)
        try writer.flip(2)
        try write(7...7, writer)
        let state = LogStoreReaderState(offset: 1, startAfter: [writer.upstream: 2])
        #expect(try text(readAll(reader(state))) == "+5 +6 -6 -5 +7")
    }

    @Test func aSavedStateGoesOnInTheMiddleOfTakingBack() throws {
        let writer = try writer(epoch: 1)
        try write(1...4, writer)
        writer.beginEpoch(2)
        try write(5...30, writer)
        try writer.flip(1)
        try write(31...33, writer)
        let whole = try text(readAll(reader()))
        // After every call, the state is written as JSON and a new reader continues from it.
        var state = LogStoreReaderState(offset: 0)
        var all: [LogStoreChanges] = []
        var wasRetracting = false
        while true {
            let reader = try reader(state)
            guard let changes = try reader.next() else { break }
            all += changes
            wasRetracting = wasRetracting || reader.state.isRetracting
            state = try JSONDecoder().decode(LogStoreReaderState.self, from: JSONEncoder().encode(reader.state))
            #expect(state == reader.state)
        }
        #expect(wasRetracting)
        #expect(text(all) == whole)
    }

    @Test func foreignRecordsStopTheReaderWhereTheyStand() throws {
        let writer = try writer(epoch: 1)
        try write(1...9, writer)
        log.add([Array("hello".utf8)])
        let reader = try reader()
        #expect(try text(reader.next() ?? []) == "+1 +2 +3 +4 +5 +6 +7")
        for _ in 0..<2 {
            #expect { try reader.next() } throws: { "\($0)".contains("offset 9") }
            #expect(reader.state.next == 7)
        }
    }

    @Test func manyEpochsAreRememberedInBoundedMemory() throws {
        var starts = EpochStarts()
        let id = try UpstreamID("aaaa")
        for epoch in 1...10_000 { starts.note(id, Int64(epoch), at: Int64(epoch * 10)) }
        #expect(try JSONEncoder().encode(starts).count < 60_000)
        #expect(starts.firstOffset(of: id, above: 9_999) == 100_000)
        for epoch in stride(from: Int64(0), to: 9_999, by: 97) {
            let offset = try #require(starts.firstOffset(of: id, above: epoch))
            #expect(offset <= (epoch + 1) * 10)
        }
        #expect(starts.firstOffset(of: id, above: 10_000) == nil)
        // Forgetting from the middle of a range keeps the epochs before it.
        for epoch in stride(from: Int64(9_000), to: 0, by: -977) {
            starts.forget(id, above: epoch)
            let offset = try #require(starts.firstOffset(of: id, above: epoch - 1))
            #expect(offset <= epoch * 10)
        }
    }
}

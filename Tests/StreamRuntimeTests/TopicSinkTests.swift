import Bytes
import ChangeEvents
import Columnar
import EventLog
import Foundation
import Synchronization
import Testing

@testable import StreamRuntime

/// Transactions of the partitions of a shared source, on brokers that are a dictionary.
@Suite struct TopicSinkTests {
    private static let schema = Schema([Field(id: 1, name: "id", type: .long, isRequired: true)])
    private static let places: Set = [
        TopicPartition(topic: "in", partition: 0), TopicPartition(topic: "in", partition: 1),
    ]

    /// What was committed, by partition, and which opening of each may still commit.
    private final class Brokers: Sendable {
        struct Share {
            var opening = 0
            var state: String?
            var records = 0
            var transactions = 0
        }
        let shares = Mutex<[TopicPartition?: Share]>([:])

        var output: TopicOutput {
            TopicOutput(table: "t", sink: 0, format: .json, schema: schema, primaryKey: ["id"]) { [self] place in
                open(place)
            } earlier: { [self] isShared, partitions in
                (isShared ? [nil] : partitions.map(Optional.some)).map { place in
                    EarlierTransactions { [self] () throws(WeirError) in
                        shares.withLock { $0[place]?.state }
                    } takenOver: { [self] () throws(WeirError) in
                        try open(place).committedState()
                    }
                }
            }
        }

        private func open(_ place: TopicPartition?) -> Appender {
            let opening = shares.withLock { shares in
                shares[place, default: Share()].opening += 1
                return shares[place]?.opening ?? 0
            }
            return Appender(brokers: self, place: place, opening: opening)
        }
    }

    private final class Appender: TransactionalAppender {
        let topic = "out"
        let partitions = [0]
        let ends: [Int: Int64] = [:]
        private let brokers: Brokers
        private let place: TopicPartition?
        private let opening: Int

        init(brokers: Brokers, place: TopicPartition?, opening: Int) {
            (self.brokers, self.place, self.opening) = (brokers, place, opening)
        }

        func append(_ batch: RawBatch) throws(WeirError) {}
        func flush() throws(WeirError) {}
        func close() throws(WeirError) {}
        func committedState() throws(WeirError) -> String? { brokers.shares.withLock { $0[place]?.state } }
        func commit(_ batches: [RawBatch], state: String) throws(WeirError) {
            try brokers.shares.withLock { (shares) throws(WeirError) in
                guard shares[place]?.opening == opening else { throw WeirError(.conflict, "taken over") }
                shares[place]?.state = state
                shares[place]?.records += batches.reduce(0) { $0 + $1.count }
                shares[place]?.transactions += 1
            }
        }
    }

    /// One insert for each offset.
    private static func inserts(_ offsets: Range<Int64>) -> ChangeBatch {
        let values = Array(offsets).withUnsafeBytes { Buffer(copying: $0) }
        let ids = ColumnVector(type: .long, count: offsets.count, validity: nil, values: values)
        let kinds = Buffer(copying: [UInt8](repeating: ChangeKind.insert.rawValue, count: offsets.count))
        let rows = ColumnBatch(schema: schema, columns: [ids], count: offsets.count)
        return ChangeBatch(rows: rows, kinds: kinds, offsets: values)
    }

    private static func ledger(_ first: Int64, _ second: Int64) -> PositionLedger {
        PositionLedger(["in": [0: first, 1: second]])
    }

    @Test func `each partition has its records and its position, and its next owner goes on there`() throws {
        let brokers = Brokers()
        let sink = try #require(try TopicSink(brokers.output, partitions: Self.places))
        try sink.write(Self.inserts(0..<3), topic: "in", partition: 0)
        try sink.write(Self.inserts(0..<5), topic: "in", partition: 1)
        try sink.commit(sink.cut(), read: Self.ledger(3, 5), recordsPositions: false)
        let found = brokers.shares.withLock { $0.mapValues { "\($0.records) \($0.state ?? "")" } }
        #expect(found[TopicPartition(topic: "in", partition: 0)] == #"3 {"in":{"0":3}}"#)
        #expect(found[TopicPartition(topic: "in", partition: 1)] == #"5 {"in":{"1":5}}"#)

        // Another process takes one of them over, and gets records again that the topic has.
        let moved = TopicPartition(topic: "in", partition: 1)
        let next = try #require(try TopicSink(brokers.output, partitions: [moved]))
        #expect(next.start == PositionLedger(["in": [1: 5]]))
        try next.write(Self.inserts(2..<7), topic: "in", partition: 1)
        try next.commit(next.cut(), read: Self.ledger(3, 7), recordsPositions: false)
        #expect(brokers.shares.withLock { $0[moved]?.records } == 7)

        try sink.write(Self.inserts(5..<9), topic: "in", partition: 1)
        let error = #expect(throws: WeirError.self) {
            try sink.commit(sink.cut(), read: Self.ledger(3, 9), recordsPositions: false)
        }
        #expect(error?.code == .fenced)
        #expect(brokers.shares.withLock { $0[moved]?.records } == 7)
        #expect(try TopicSink(brokers.output, partitions: []) == nil)
    }

    @Test func `what was written before the sources were shared, or while they were, is not written again`() throws {
        let brokers = Brokers()
        var (first, second): (Int64, Int64) = (0, 0)
        var zombie: TopicSink?
        for round in 0..<6 {
            let isShared = round % 2 == 0
            let sink = try #require(
                try TopicSink(
                    brokers.output,
                    partitions: isShared ? Self.places : nil,
                    shareable: Self.places.sorted()
                )
            )
            #expect(sink.start == (round == 0 ? PositionLedger() : Self.ledger(first, second)))
            if let zombie {
                // Whoever wrote in the other way is shut out before its positions are relied on.
                try zombie.write(Self.inserts(first..<first + 1), topic: "in", partition: 0)
                #expect(throws: WeirError.self) {
                    try zombie.commit(zombie.cut(), read: Self.ledger(first + 1, second), recordsPositions: false)
                }
            }
            // All is read again that came before.
            try sink.write(Self.inserts(0..<first + 3), topic: "in", partition: 0)
            try sink.write(Self.inserts(0..<second + 2), topic: "in", partition: 1)
            (first, second) = (first + 3, second + 2)
            try sink.commit(sink.cut(), read: Self.ledger(first, second), recordsPositions: false)
            zombie = sink
        }
        #expect(brokers.shares.withLock { $0.values.reduce(0) { $0 + $1.records } } == Int(first + second))
    }

    @Test func `positions that stand still are told again before brokers forget them`() throws {
        let brokers = Brokers()
        let sink = try #require(try TopicSink(brokers.output, partitions: Self.places))
        func transactions() -> Int { brokers.shares.withLock { $0.values.reduce(0) { $0 + $1.transactions } } }
        try sink.write(Self.inserts(0..<3), topic: "in", partition: 0)
        let start = Date()
        try sink.commit(sink.cut(), read: Self.ledger(3, 0), recordsPositions: true, now: start)
        #expect(transactions() == 2)
        let almost = start.addingTimeInterval(TopicSink.renewalSeconds - 1)
        try sink.commit(sink.cut(), read: Self.ledger(3, 0), recordsPositions: true, now: almost)
        #expect(transactions() == 2)
        let late = start.addingTimeInterval(TopicSink.renewalSeconds)
        try sink.commit(sink.cut(), read: Self.ledger(3, 0), recordsPositions: false, now: late)
        #expect(transactions() == 2)
        try sink.commit(sink.cut(), read: Self.ledger(3, 0), recordsPositions: true, now: late)
        #expect(transactions() == 4)
    }
}

import Bytes
import ChangeEvents
import Columnar
import EventLog
import Foundation
import Synchronization
import Testing
import WeirTesting

@testable import StreamRuntime

/// Transactions per partition of a shared source, on brokers simulated by a dictionary.
@Suite struct TopicSinkTests {
    private static let schema = Schema([Field(id: 1, name: "id", type: .long, isRequired: true)])
    private static let sourcePartitions: Set = [
        TopicPartition(topic: "in", partition: 0), TopicPartition(topic: "in", partition: 1),
    ]

    /// Committed data by partition, and the opening of each partition that may still commit.
    private final class Brokers: Sendable {
        struct Share {
            var opening = 0
            var state: String?
            var records = 0
            var transactions = 0
        }
        let shares = Mutex<[TopicPartition?: Share]>([:])

        var output: TopicOutput { output(route: "") }

        func output(route: String) -> TopicOutput {
            TopicOutput(
                table: "t",
                sink: 0,
                format: .json,
                schema: schema,
                primaryKey: ["id"],
                route: route
            ) { [self] topicPartition in
                open(topicPartition)
            } earlier: { [self] isShared, partitions in
                (isShared ? [nil] : partitions.map(Optional.some)).map { topicPartition in
                    EarlierTransactions(id: "\(topicPartition?.description ?? "all")") { [self] () throws(WeirError) in
                        stored(topicPartition)
                    } takenOver: { [self] () throws(WeirError) in
                        _ = open(topicPartition)
                        return stored(topicPartition)
                    }
                }
            }
        }

        private func stored(_ topicPartition: TopicPartition?) -> EarlierTransactions.Stored? {
            shares.withLock { shares in
                shares[topicPartition].flatMap { share in share.state.map { ($0, Int64(share.transactions)) } }
            }
        }

        private func open(_ topicPartition: TopicPartition?) -> Appender {
            let opening = shares.withLock { shares in
                shares[topicPartition, default: Share()].opening += 1
                return shares[topicPartition]?.opening ?? 0
            }
            return Appender(brokers: self, topicPartition: topicPartition, opening: opening)
        }
    }

    private final class Appender: TransactionalAppender {
        let topic = "out"
        let partitions = [0]
        let ends: [Int: Int64] = [:]
        private let brokers: Brokers
        private let topicPartition: TopicPartition?
        private let opening: Int

        init(brokers: Brokers, topicPartition: TopicPartition?, opening: Int) {
            (self.brokers, self.topicPartition, self.opening) = (brokers, topicPartition, opening)
        }

        func append(_ batch: RawBatch) throws(WeirError) {}
        func flush() throws(WeirError) {}
        func fits(state: String) -> Bool { state.utf8.count <= 6000 }
        func close() throws(WeirError) {}
        func committedState() throws(WeirError) -> String? { brokers.shares.withLock { $0[topicPartition]?.state } }
        func commit(_ batches: [RawBatch], state: String) throws(WeirError) {
            try brokers.shares.withLock { (shares) throws(WeirError) in
                guard shares[topicPartition]?.opening == opening else { throw WeirError(.conflict, "taken over") }
                shares[topicPartition]?.state = state
                shares[topicPartition]?.records += batches.reduce(0) { $0 + $1.count }
                shares[topicPartition]?.transactions += 1
            }
        }
    }

    /// One insert per offset.
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

    /// One topic with a named appender.
    private final class Named: TransactionalAppender {
        let topic = "out"
        let partitions = [0]
        let ends: [Int: Int64] = [:]
        let writer: String?
        private let stored: Mutex<String?>
        private let late: Mutex<String?>
        private let shut = Mutex<[String?]>([])

        /// - Parameter late: what the writer of the state commits just before it is fenced.
        init(_ writer: String?, state: String?, late: String? = nil) {
            self.writer = writer
            stored = Mutex(state)
            self.late = Mutex(late)
        }

        var state: String? { stored.withLock { $0 } }
        var writersShutOut: [String?] { shut.withLock { $0 } }

        func append(_ batch: RawBatch) throws(WeirError) {}
        func flush() throws(WeirError) {}
        func close() throws(WeirError) {}
        func fits(state: String) -> Bool { true }
        func committedState() throws(WeirError) -> String? { state }
        func commit(_ batches: [RawBatch], state: String) throws(WeirError) { stored.withLock { $0 = state } }
        func shutOut(writer: String?) throws(WeirError) {
            shut.withLock { $0.append(writer) }
            if let last = late.withLock({ $0 }) { stored.withLock { $0 = last } }
        }
    }

    private static func sink(_ appender: Named) throws -> TopicSink {
        try #require(
            try TopicSink(
                TopicOutput(table: "t", sink: 0, format: .json, schema: schema, primaryKey: ["id"]) { _ in appender }
            )
        )
    }

    @Test func `a state of another writer is taken over once, with what that has committed last`() throws {
        // Earlier versions name no writer.
        let old = PositionLedger(["in": [0: 5]]).json
        let appender = Named("new", state: old, late: PositionLedger(["in": [0: 7]]).json)
        let sink = try Self.sink(appender)
        #expect(appender.writersShutOut == [nil])
        #expect(sink.start == PositionLedger(["in": [0: 7]]))
        try sink.commit(sink.cut(), read: Self.ledger(9, 1), recordsPositions: true)
        let state = try #require(appender.state)
        #expect(TopicState.writer(of: state) == "new")

        let again = Named("new", state: state)
        #expect(try Self.sink(again).start == Self.ledger(9, 1))
        #expect(again.writersShutOut.isEmpty)

        let renamed = Named("newer", state: state)
        #expect(try Self.sink(renamed).start == Self.ledger(9, 1))
        #expect(renamed.writersShutOut == ["new"])
        let first = Named("new", state: nil)
        #expect(try Self.sink(first).start == PositionLedger())
        #expect(first.writersShutOut.isEmpty)
    }

    @Test func `each partition has its records and its position, and its next owner goes on there`() throws {
        let brokers = Brokers()
        let sink = try #require(try TopicSink(brokers.output, partitions: Self.sourcePartitions))
        try sink.write(Self.inserts(0..<3), topic: "in", partition: 0)
        try sink.write(Self.inserts(0..<5), topic: "in", partition: 1)
        try sink.commit(sink.cut(), read: Self.ledger(3, 5), recordsPositions: false)
        let found = brokers.shares.withLock { $0 }
        for (number, count) in [(0, 3), (1, 5)] {
            let share = try #require(found[TopicPartition(topic: "in", partition: number)])
            let state = try TopicState(text: #require(share.state))
            #expect(share.records == count && state.positions == PositionLedger(["in": [number: Int64(count)]]))
        }

        // Another process takes over one of them and reads records again that the topic already has.
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
                    partitions: isShared ? Self.sourcePartitions : nil,
                    shareable: Self.sourcePartitions.sorted()
                )
            )
            #expect(sink.start == (round == 0 ? PositionLedger() : Self.ledger(first, second)))
            if let zombie {
                // Earlier writers are fenced before their positions are used.
                try zombie.write(Self.inserts(first..<first + 1), topic: "in", partition: 0)
                #expect(throws: WeirError.self) {
                    try zombie.commit(zombie.cut(), read: Self.ledger(first + 1, second), recordsPositions: false)
                }
            }
            // All earlier records are read again.
            try sink.write(Self.inserts(0..<first + 3), topic: "in", partition: 0)
            try sink.write(Self.inserts(0..<second + 2), topic: "in", partition: 1)
            (first, second) = (first + 3, second + 2)
            try sink.commit(sink.cut(), read: Self.ledger(first, second), recordsPositions: false)
            zombie = sink
        }
        #expect(brokers.shares.withLock { $0.values.reduce(0) { $0 + $1.records } } == Int(first + second))
    }

    @Test func `positions that went back are not brought forward again by transactions of another id`() throws {
        let brokers = Brokers()
        let alone = try #require(try TopicSink(brokers.output, shareable: Self.sourcePartitions.sorted()))
        try alone.write(Self.inserts(0..<90), topic: "in", partition: 0)
        try alone.commit(alone.cut(), read: Self.ledger(90, 0), recordsPositions: false)
        // The topic is made anew before the sources are shared.
        let shared = try #require(try TopicSink(brokers.output, partitions: Self.sourcePartitions))
        #expect(shared.start.next(topic: "in", partition: 0) == 90)
        try shared.move(to: PositionLedger(["in": [0: 0]]))
        #expect(shared.positions.next(topic: "in", partition: 0) == 0)
        let next = try #require(try TopicSink(brokers.output, partitions: Self.sourcePartitions))
        #expect(next.start.next(topic: "in", partition: 0) == 0)
        try next.write(Self.inserts(0..<5), topic: "in", partition: 0)
        try next.commit(next.cut(), read: Self.ledger(5, 0), recordsPositions: false)
        #expect(brokers.shares.withLock { $0.values.reduce(0) { $0 + $1.records } } == 95)
        // A process that does not hold the id any more gets an error.
        let error = #expect(throws: WeirError.self) { try shared.move(to: PositionLedger(["in": [0: 0]])) }
        #expect(error?.code == .fenced)
    }

    @Test func `an id that brokers have forgotten and that is used again is newer, whatever it counts`() throws {
        let brokers = Brokers()
        let topicPartition = TopicPartition(topic: "in", partition: 0)
        func run(_ partitions: Set<TopicPartition>?, to next: Int64) throws -> PositionLedger {
            let sink = try #require(try TopicSink(brokers.output, partitions: partitions, shareable: [topicPartition]))
            let start = sink.start
            try sink.write(Self.inserts(0..<next), topic: "in", partition: 0)
            try sink.commit(sink.cut(), read: PositionLedger(["in": [0: next]]), recordsPositions: false)
            return start
        }
        for next in 1...5 { _ = try run([topicPartition], to: Int64(next)) }
        #expect(try run(nil, to: 7).next(topic: "in", partition: 0) == 5)
        brokers.shares.withLock { $0[topicPartition] = nil }
        #expect(try run([topicPartition], to: 9).next(topic: "in", partition: 0) == 7)
        // The id has one transaction now, and five were recorded.
        #expect(try run(nil, to: 10).next(topic: "in", partition: 0) == 9)
        // State that brokers do not return any more does not move positions back.
        brokers.shares.withLock { $0[topicPartition] = nil }
        #expect(try run(nil, to: 11).next(topic: "in", partition: 0) == 10)
    }

    @Test func `a state is read in both its forms, with and without last records`() throws {
        #expect(try TopicState(text: #"{"in":{"0":3}}"#).positions == PositionLedger(["in": [0: 3]]))
        var state = TopicState()
        for partition in 0..<64 {
            state.positions.advance(topic: "version", partition: partition, to: 8)
            let mark = RecordMark(offset: 7, timestamp: 1_700_000_000_000, crc32c: .max)
            state.last.advance(topic: "version", partition: partition, to: mark)
        }
        #expect(try TopicState(text: state.text()) == state)
        state.earlier = ["weir-t": 4]
        #expect(try TopicState(text: state.text()) == state)
        let read = try TopicState(text: state.text(withLast: false))
        #expect(read.positions == state.positions && read.last.isEmpty && read.earlier == ["weir-t": 4])
        #expect(throws: WeirError.self) { try TopicState(text: "no state") }
    }

    // Shared, each partition has a state of its own.
    @Test(arguments: [nil, TopicSinkTests.sourcePartitions] as [Set<TopicPartition>?])
    func `a changed route reads anew what has brought the topic nothing`(_ partitions: Set<TopicPartition>?) throws {
        let brokers = Brokers()
        func sink(_ route: String, keepsStart: Bool = false) throws -> TopicSink {
            let output = brokers.output(route: route)
            return try #require(try TopicSink(output, partitions: partitions, keepsStart: { _ in keepsStart }))
        }
        let first = try sink("a")
        try first.commit(first.cut(), read: Self.ledger(3, 4), recordsPositions: true, isStart: true)
        try first.write(Self.inserts(3..<6), topic: "in", partition: 0)
        try first.commit(first.cut(), read: Self.ledger(6, 9), recordsPositions: true)
        // The same route changes nothing.
        #expect(try sink("a").start == Self.ledger(6, 9))
        // For the first partition it is unknown which rows the topic has.
        #expect(try sink("b").start == PositionLedger(["in": [0: 6]]))
        #expect(try sink("b", keepsStart: true).start == Self.ledger(6, 4))
        // Positions that were read again are valid for the new route.
        let second = try sink("b")
        try second.write(Self.inserts(0..<9), topic: "in", partition: 0)
        try second.write(Self.inserts(0..<2), topic: "in", partition: 1)
        try second.commit(second.cut(), read: Self.ledger(9, 2), recordsPositions: false)
        #expect(brokers.shares.withLock { $0.values.reduce(0) { $0 + $1.records } } == 3 + 3 + 2)
        #expect(try sink("c").start == Self.ledger(9, 2))
    }

    @Test func `positions that stand still are told again before brokers forget them`() throws {
        let brokers = Brokers()
        let sink = try #require(try TopicSink(brokers.output, partitions: Self.sourcePartitions))
        func transactions() -> Int { brokers.shares.withLock { $0.values.reduce(0) { $0 + $1.transactions } } }
        try sink.write(Self.inserts(0..<3), topic: "in", partition: 0)
        let start = ContinuousClock.now
        try sink.commit(sink.cut(), read: Self.ledger(3, 0), recordsPositions: true, now: start)
        #expect(transactions() == 2)
        let almost = start + TopicSink.renewalEvery - .seconds(1)
        try sink.commit(sink.cut(), read: Self.ledger(3, 0), recordsPositions: true, now: almost)
        #expect(transactions() == 2)
        let late = start + TopicSink.renewalEvery
        try sink.commit(sink.cut(), read: Self.ledger(3, 0), recordsPositions: false, now: late)
        #expect(transactions() == 2)
        try sink.commit(sink.cut(), read: Self.ledger(3, 0), recordsPositions: true, now: late)
        #expect(transactions() == 4)
    }
}

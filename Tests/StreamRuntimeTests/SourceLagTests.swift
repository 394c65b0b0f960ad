import Bytes
import ChangeEvents
import EventLog
import Foundation
import Testing
import WeirTesting

@testable import StreamRuntime

/// How far a run is behind topics whose last offsets hold no records.
@Suite(.hangGuard) struct SourceLagTests {
    @Test func `a run that has read every record is not behind, whatever ends the last transaction`() throws {
        try withTemporaryFolder { folder in
            let fixture = IngestFixture(folder: folder)
            let files = try FileLog(root: fixture.logRoot)
            try files.createTopic("people", partitions: 2)
            let writer = FileLogWriter(files)
            defer { writer.close() }
            var history = DebeziumHistory(seed: 11)
            history.extend(40)
            try history.append(0..<history.records.count, to: writer, topic: "people")
            let log = MarkedLog(files)
            let run = try LiveRun(fixture, fixture.plan(IngestFixture.people), member: 0, of: log)
            try run.wait("every record is read") { run.run.progress.records == history.records.count }
            try run.wait("the run has no lag") { run.run.lag()?.records == 0 }
            try run.stop()
            #expect(try fixture.people() == history.rows)
        }
    }

    @Test func `offsets are not skipped before the writer has the records below them`() throws {
        try withTemporaryFolder { folder in
            let log = try FileLog(root: folder + "/log")
            try log.createTopic("people")
            let people = TopicPartition(topic: "people", partition: 0)
            let positions = ReadPositions()
            let partition = SourcePartitions.Partition(
                source: 0,
                id: people,
                reader: try log.reader(topic: "people", partition: 0, from: 0),
                dimensionEnd: nil,
                first: 0,
                marks: []
            )
            positions.note([partition], isFirst: true)
            positions.queue(people, to: 5)
            positions.skip(people, to: 7)
            #expect(positions.all[people]?.next == 0)
            positions.advance(people, to: 5, timestamp: 1)
            positions.skip(people, to: 7)
            #expect(positions.all[people]?.next == 7)
            positions.queue(people, to: 9)
            positions.skip(people, to: 11)
            #expect(positions.all[people]?.next == 7)
        }
    }
}

/// A log in which an offset without a record follows the last one of each partition, as after a transaction. Readers
/// pass it a moment after the record before it. This is the only member of its group.
private final class MarkedLog: SharedLog, FileLogBacked {
    let log: FileLog

    init(_ log: FileLog) { self.log = log }

    func offsets(topic: String, partition: Int) throws(WeirError) -> (earliest: Int64, end: Int64) {
        let (earliest, end) = try log.offsets(topic: topic, partition: partition)
        return (earliest, end + 1)
    }

    func reader(topic: String, partition: Int, from offset: Int64) throws(WeirError) -> any PartitionReader {
        Reader(try log.reader(topic: topic, partition: partition, from: offset))
    }

    private final class Reader: PartitionReader, @unchecked Sendable {
        // Used by one thread at a time.
        private let reader: any PartitionReader
        private var hasPassed = false

        init(_ reader: any PartitionReader) { self.reader = reader }

        var position: Int64 { reader.position + (hasPassed ? 1 : 0) }

        func next(maxBytes: Int) throws(WeirError) -> RawBatch? {
            let batch = try reader.next(maxBytes: maxBytes)
            hasPassed = batch == nil
            return batch
        }

        func waitForRecords(timeoutMilliseconds: Int) throws(WeirError) -> Bool {
            try reader.waitForRecords(timeoutMilliseconds: timeoutMilliseconds)
        }

        func mayHaveRecords(waking wakeup: Wakeup, _ watched: inout [Int32]) throws(WeirError) -> Bool {
            try reader.mayHaveRecords(waking: wakeup, &watched)
        }
    }

    // MARK: The group

    func committedOffset(group: String, topic: String, partition: Int) throws(WeirError) -> Int64? { nil }

    func join(
        group: String,
        topics: [String],
        pattern: String?,
        instance: String?
    ) throws(WeirError) -> any GroupMembership {
        Member([0, 1].map { TopicPartition(topic: "people", partition: $0) })
    }

    private final class Member: GroupMembership, @unchecked Sendable {
        // Used by one thread at a time.
        private var event: GroupEvent?

        init(_ partitions: [TopicPartition]) { event = .assigned(partitions) }

        func poll(timeoutMilliseconds: Int) throws(WeirError) -> GroupEvent? { event }
        func confirm() throws(WeirError) { event = nil }
        func commit(_ next: [TopicPartition: Int64]) throws(WeirError) -> Bool { true }
        func leave() {}
    }
}

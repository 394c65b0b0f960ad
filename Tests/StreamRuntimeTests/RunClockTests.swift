import Bytes
import EventLog
import Foundation
import Testing
import WeirTesting

@testable import StreamRuntime

/// A run takes the time only from its clock.
@Suite struct RunClockTests {
    @Test func `an epoch ends when the run's clock says so, however long it takes by others`() throws {
        try withTemporaryFolder { folder in
            let fixture = IngestFixture(folder: folder)
            let log = try FileLog(root: fixture.logRoot)
            try log.createTopic("people")
            let writer = FileLogWriter(log)
            defer { writer.close() }
            let time = ManualClock()
            let text = IngestFixture.people
                .replacingOccurrences(of: "commit.interval: 1h, commit.bytes: 1kb", with: "commit.interval: 20ms")
            let run = try LiveRun(fixture, fixture.plan(text, writer: writer), clock: time.clock)
            var history = DebeziumHistory(seed: 9)
            for _ in 0..<3 {
                let start = history.records.count
                history.extend(20)
                let read = run.run.progress.records
                let commits = run.run.progress.commits
                try history.append(start..<history.records.count, to: writer, topic: "people")
                try run.wait("the records are read") { run.run.progress.records >= read + 20 }
                // Many intervals by the wall clock, none by the run's.
                Thread.sleep(forTimeInterval: 0.1)
                #expect(run.run.progress.commits == commits)
                time.advance(by: .milliseconds(20))
                try run.wait("the epoch is committed") { (try? fixture.people()) == history.rows }
            }
            // A clock far ahead makes one epoch due and no more.
            let commits = run.run.progress.commits
            time.advance(by: .seconds(3600))
            Thread.sleep(forTimeInterval: 0.05)
            #expect(run.run.progress.commits == commits)
            try run.stop()
            #expect(try fixture.people() == history.rows)
        }
    }

    @Test func `waiting for an element ends with it, or when the clock is there`() {
        let time = ManualClock()
        let queue = BatchQueue<Int>(bytesMax: 10, clock: time.clock)
        let deadline = time.clock.now + .seconds(3600)
        Thread.detachNewThread {
            Thread.sleep(forTimeInterval: 0.02)
            _ = queue.put(1, bytes: 1)
        }
        guard case .element(1) = queue.take(until: deadline) else {
            Issue.record("the element did not come")
            return
        }
        Thread.detachNewThread {
            Thread.sleep(forTimeInterval: 0.02)
            time.advance(by: .seconds(3600))
        }
        guard case .timeout = queue.take(until: deadline) else {
            Issue.record("the time did not come")
            return
        }
    }

    @Test func `no wait or period of the runtime asks the wall clock`() throws {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("../../Sources")
        for folder in ["StreamRuntime", "KafkaLog", "EventLog"] {
            let directory = root.appendingPathComponent(folder)
            let files = try FileManager.default.contentsOfDirectory(atPath: directory.path).filter {
                $0.hasSuffix(".swift")
            }
            #expect(!files.isEmpty)
            for name in files {
                let text = try String(contentsOf: directory.appendingPathComponent(name), encoding: .utf8)
                for line in text.split(separator: "\n") where line.contains("Date()") {
                    // Timestamps of records and commits.
                    let isTimestamp = line.contains("timeIntervalSince1970") || line.contains("var now: () -> Date")
                    #expect(isTimestamp, "\(folder)/\(name): \(line)")
                }
            }
        }
    }
}

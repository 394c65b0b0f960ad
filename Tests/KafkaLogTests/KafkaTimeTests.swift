import Bytes
import EventLog
import Foundation
import Synchronization
import Testing
import WeirTesting

@testable import KafkaLog

/// Offsets by timestamp, on a broker that supports them.
@Suite(.mostlyWaits, .enabled(if: KafkaBroker.isAvailable, "no Kafka broker is installed"))
struct KafkaTimeTests {
    @Test func `a record that is written while its time is looked up is not passed over`() throws {
        try withTemporaryFolder { folder in
            let broker = try KafkaBroker(.noida, folder: folder)
            try broker.create("orders")
            let log = try KafkaLog(try KafkaSettings(properties: ["bootstrap.servers": broker.address]))
            let appender = try KafkaAppender(log, topic: "orders")
            let epoch = Int64(Date().timeIntervalSince1970 * 1000) - 3_600_000
            // Every record's offset is its time after the epoch.
            let written = Atomic<Int64>(0)
            let isOver = Atomic<Bool>(false)
            let ended = DispatchSemaphore(value: 0)
            let writer = Thread {
                defer { ended.signal() }
                while !isOver.load(ordering: .relaxed) {
                    let next = written.load(ordering: .relaxed)
                    do {
                        try appender.append(encode([TestRecord(timestamp: epoch + next, key: nil, value: "v")]))
                        try appender.flush()
                    } catch {
                        return
                    }
                    written.store(next + 1, ordering: .relaxed)
                }
            }
            writer.start()
            defer {
                isOver.store(true, ordering: .relaxed)
                ended.wait()
            }
            let deadline = ContinuousClock.now + .seconds(120)
            var lookups: Int64 = 0
            while lookups < 200 || written.load(ordering: .relaxed) < 100, ContinuousClock.now < deadline {
                let offset = written.load(ordering: .relaxed) + lookups % 4
                let found = try log.offset(topic: "orders", partition: 0, notBefore: epoch + offset)
                #expect(found <= offset)
                lookups += 1
            }
            #expect(written.load(ordering: .relaxed) >= 100, "the writer kept going")
        }
    }
}

import Bytes
import EventLog
import Foundation
import ObjectStorage
import Testing
import WeirTesting

/// The number of flush threads does not depend on the number of partitions.
@Suite struct FlushThreadsTests {
    /// The number of threads of this process.
    static func threads() throws -> Int {
        try FileManager.default.contentsOfDirectory(atPath: "/proc/self/task").count
    }

    @Test func `five hundred partitions are written by a few threads`() throws {
        try withTemporaryFolder { folder in
            // Other tests in the process start threads as well, but not hundreds of them.
            let before = try Self.threads()
            let partitions = 500
            let log = try makeLog(folder, partitions: partitions)
            let writer = FileLogWriter(log)
            try writer.open(topic: "orders")
            var most = 0
            for round in 0..<3 {
                var tickets: [AppendTicket] = []
                for partition in 0..<partitions {
                    tickets.append(
                        try writer.submit(
                            topic: "orders",
                            partition: partition,
                            records: encode([numberedRecord(round)])
                        )
                    )
                }
                most = max(most, try Self.threads())
                for ticket in tickets { #expect(try ticket.wait() == Int64(round)) }
            }
            print("threads before and while 500 partitions are written: \(before), \(most)")
            #expect(most - before < 250)
            writer.close()
            for partition in [0, 1, 250, 499] {
                #expect(try readAll(log, partition: partition) == (0..<3).map { numberedRecord($0) })
            }
        }
    }

    @Test func `partitions that keep coming do not starve another one`() throws {
        try withTemporaryFolder { folder in
            let partitions = 64
            let log = try makeLog(folder, partitions: partitions)
            let writer = FileLogWriter(log)
            var random = SeededGenerator(seed: 5)
            var tickets: [[AppendTicket]] = Array(repeating: [], count: partitions)
            for number in 0..<2000 {
                let partition = Int.random(in: 0..<partitions, using: &random)
                tickets[partition].append(
                    try writer.submit(topic: "orders", partition: partition, records: encode([numberedRecord(number)]))
                )
            }
            for partition in tickets {
                for (offset, ticket) in partition.enumerated() { #expect(try ticket.wait() == Int64(offset)) }
            }
            writer.close()
        }
    }
}

import Bytes
import EventLog
import Foundation
import ObjectStorage
import Testing
import WeirTesting

/// These tests wait for descriptors themselves, because `wait` polls periodically and would hide a missing wakeup.
@Suite struct WakeupTests {
    @Test func `an append to any of several partitions wakes the thread that waits for all`() throws {
        try withTemporaryFolder { folder in
            let log = try FileLog(root: folder)
            try log.createTopic("orders", partitions: 3)
            let writer = FileLogWriter(log)
            defer { writer.close() }
            try writer.open(topic: "orders")
            let readers = try (0..<3).map { try log.reader(topic: "orders", partition: $0, from: 0) }
            let wakeup = Wakeup()
            for partition in [2, 0, 1, 1] {
                #expect(
                    try !wakeup.wait(milliseconds: 0) { (watched) throws(WeirError) in
                        try isAnyReady(readers, wakeup, &watched)
                    }
                )
                #expect(!isReadable([wakeup.descriptor], milliseconds: 0))
                _ = try writer.append(topic: "orders", partition: partition, records: encode([numberedRecord(1)]))
                #expect(isReadable([wakeup.descriptor], milliseconds: 10_000))
                #expect(
                    try wakeup.wait(milliseconds: 0) { (watched) throws(WeirError) in
                        try isAnyReady(readers, wakeup, &watched)
                    }
                )
                #expect(try readers[partition].next(maxBytes: 1000)?.count == 1)
            }
        }
    }

    @Test func `an append of another process makes a watched descriptor readable`() throws {
        try withTemporaryFolder { folder in
            let source = try FileLog(root: folder + "/source")
            try source.createTopic("orders")
            let writer = FileLogWriter(source)
            _ = try writer.append(topic: "orders", partition: 0, records: encode([numberedRecord(1)]))
            writer.close()
            let log = try FileLog(root: folder + "/target")
            try log.createTopic("orders", partitions: 2)
            let readers = try (0..<2).map { try log.reader(topic: "orders", partition: $0, from: 0) }
            let wakeup = Wakeup()
            var watched: [Int32] = []
            #expect(try !isAnyReady(readers, wakeup, &watched))
            #expect(watched.count == 2)
            #expect(!isReadable(watched, milliseconds: 0))
            let segment = try #require(try segmentFiles(source).last)
            let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: segment)))
            let target = try LocalFileSystem().open(folder + "/target/orders/1/" + segment.lastPathComponent, .create)
            try target.write(bytes, at: 0)
            #expect(isReadable(watched, milliseconds: 10_000))
            #expect(
                try wakeup.wait(milliseconds: 10_000) { (watched) throws(WeirError) in
                    try isAnyReady(readers, wakeup, &watched)
                }
            )
            #expect(try readers[1].next(maxBytes: 1000)?.count == 1)
        }
    }

    @Test func `a signal between looking and waiting is not lost, and the time is kept`() throws {
        let wakeup = Wakeup()
        for _ in 0..<3 {
            // The descriptor stays readable until the next check begins.
            #expect(
                try !wakeup.wait(milliseconds: 0) { (_) in
                    wakeup.signal()
                    return false
                }
            )
            #expect(isReadable([wakeup.descriptor], milliseconds: 0))
            #expect(try wakeup.wait(milliseconds: 0) { (_) in true })
            #expect(!isReadable([wakeup.descriptor], milliseconds: 0))
        }
        #expect(try !wakeup.wait(milliseconds: 20) { (_) in false })
    }

    private func isAnyReady(
        _ readers: [any PartitionReader],
        _ wakeup: Wakeup,
        _ watched: inout [Int32]
    ) throws(WeirError) -> Bool {
        var isReady = false
        for reader in readers where try reader.mayHaveRecords(waking: wakeup, &watched) { isReady = true }
        return isReady
    }

    private func isReadable(_ descriptors: [Int32], milliseconds: Int32) -> Bool {
        var watches = descriptors.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
        return poll(&watches, nfds_t(watches.count), milliseconds) > 0
    }
}

import Bytes
import EventLog
import Foundation
import ObjectStorage
import Synchronization
import Testing
import WeirTesting

@Suite struct TailingTests {
    @Test func `records are seen only once their sync has returned`() throws {
        try withTemporaryFolder { folder in
            let files = GatedFileSystem()
            let log = try makeLog(folder, files: files)
            let writer = FileLogWriter(log)
            try writer.append(topic: "orders", partition: 0, records: encode([numberedRecord(0)]))
            // A reader over another handle of the same root must be held back as well.
            let readers = [log, try FileLog(root: folder + "/log/")]
            files.closeGate()
            let ticket = try writer.submit(topic: "orders", partition: 0, records: encode([numberedRecord(1)]))
            files.waitForSync()
            #expect(try ticket.poll() == nil)
            for log in readers {
                let reader = try log.reader(topic: "orders", partition: 0, from: 0)
                #expect(try reader.next(maxBytes: 1 << 20)?.count == 1)
                #expect(try reader.next(maxBytes: 1 << 20) == nil)
                #expect(try !reader.waitForRecords(timeoutMilliseconds: 10))
                #expect(try log.offsets(topic: "orders", partition: 0).end == 1)
            }
            files.openGate()
            #expect(try ticket.wait() == 1)
            for log in readers { #expect(try readAll(log).count == 2) }
            writer.close()
        }
    }

    @Test func `appends that wait for the same sync share it`() throws {
        try withTemporaryFolder { folder in
            let files = GatedFileSystem()
            let log = try makeLog(folder, files: files)
            let writer = FileLogWriter(log)
            try writer.open(topic: "orders")
            let before = files.syncs
            files.closeGate()
            var tickets = [try writer.submit(topic: "orders", partition: 0, records: encode([numberedRecord(0)]))]
            files.waitForSync()
            for number in 1...50 {
                tickets.append(
                    try writer.submit(topic: "orders", partition: 0, records: encode([numberedRecord(number)]))
                )
            }
            files.openGate()
            #expect(try tickets.map { try $0.wait() } == (0...50).map { Int64($0) })
            #expect(files.syncs - before == 2)
            writer.close()
        }
    }

    @Test func `many producers and a tailing reader agree on one order`() throws {
        try withTemporaryFolder { folder in
            let log = try makeLog(folder) { $0.segmentBytes = 50_000 }
            let writer = FileLogWriter(log)
            let producers = 6
            let each = 120
            let found = Mutex<[TestRecord]>([])
            let done = DispatchSemaphore(value: 0)
            let tail = Thread {
                defer { done.signal() }
                do {
                    let reader = try log.reader(topic: "orders", partition: 0, from: 0)
                    while found.withLock({ $0.count }) < producers * each {
                        guard let batch = try reader.next(maxBytes: 10_000) else {
                            guard try reader.waitForRecords(timeoutMilliseconds: 20_000) else { return }
                            continue
                        }
                        let seen = records(of: batch)
                        found.withLock { found in
                            #expect(seen.first?.offset == Int64(found.count))
                            found += seen.map(\.record)
                        }
                    }
                } catch { Issue.record(error) }
            }
            tail.start()
            DispatchQueue.concurrentPerform(iterations: producers) { producer in
                do {
                    for number in 0..<each {
                        let batch = try encode([numberedRecord(producer * 1000 + number, valueBytes: 100)])
                        try writer.append(topic: "orders", partition: 0, records: batch)
                    }
                } catch { Issue.record(error) }
            }
            done.wait()
            let all = found.withLock { $0 }
            #expect(all.count == producers * each)
            for producer in 0..<producers {
                let own = all.filter { $0.timestamp / 1000 % 1000 == Int64(producer) }
                #expect(own == (0..<each).map { numberedRecord(producer * 1000 + $0, valueBytes: 100) })
            }
            #expect(try readAll(log) == all)
            writer.close()
        }
    }

    /// Another process appends bytes; this process has no writer.
    @Test func `appends of another process are seen when they are whole`() throws {
        try withTemporaryFolder { folder in
            let source = try makeLog(folder + "/source") { $0.segmentBytes = 2000 }
            let writer = FileLogWriter(source)
            let all = (0..<40).map { numberedRecord($0, valueBytes: 150) }
            for start in stride(from: 0, to: 40, by: 2) {
                try writer.append(topic: "orders", partition: 0, records: encode(Array(all[start..<start + 2])))
            }
            writer.close()
            let segments = try segmentFiles(source)
            #expect(segments.count > 3)

            let log = try makeLog(folder + "/target")
            let reader = try log.reader(topic: "orders", partition: 0, from: 0)
            #expect(try reader.next(maxBytes: 1 << 20) == nil)
            #expect(try !reader.waitForRecords(timeoutMilliseconds: 20))
            let copier = Thread {
                for segment in segments {
                    let bytes = [UInt8]((try? Data(contentsOf: URL(fileURLWithPath: segment))) ?? Data())
                    let target = log.root + "/orders/0/" + segment.lastPathComponent
                    guard let file = try? LocalFileSystem().open(target, .create) else { return }
                    // Pieces that end anywhere inside a batch.
                    for start in stride(from: 0, to: bytes.count, by: 97) {
                        try? file.write(Array(bytes[start..<min(start + 97, bytes.count)]), at: Int64(start))
                        usleep(500)
                    }
                }
            }
            copier.start()
            var found: [TestRecord] = []
            while found.count < all.count {
                if let batch = try reader.next(maxBytes: 1 << 20) {
                    found += records(of: batch).map(\.record)
                } else if try !reader.waitForRecords(timeoutMilliseconds: 10_000) {
                    break
                }
            }
            #expect(found == all)
        }
    }

    @Test func `a torn tail that nobody finishes is waited for without spinning`() throws {
        try withTemporaryFolder { folder in
            let (log, _) = try DamageTests.build(folder)
            // As a log without the file of the synced end.
            try LocalFileSystem().remove(SyncedEndTests.path(log))
            let path = try #require(try segmentFiles(log).last)
            try DamageTests.change(path) { $0[$0.count - 1] ^= 1 }
            let reader = try log.reader(topic: "orders", partition: 0, from: 0)
            while try reader.next(maxBytes: 1 << 20) != nil {}
            #expect(reader.position == 116)
            #expect(try !reader.waitForRecords(timeoutMilliseconds: 50))
        }
    }
}

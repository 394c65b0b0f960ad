import Bytes
import EventLog
import Foundation
import ObjectStorage
import Testing
import WeirTesting

/// Tells a torn end from a lost one by the end of the last sync.
@Suite struct SyncedEndTests {
    static func path(_ log: FileLog) -> String { log.root + "/orders/0/synced-end" }

    static func bytes(_ path: String) throws -> Data { try Data(contentsOf: URL(fileURLWithPath: path)) }

    /// Six batches of one record in one segment: the first in a group of its own, the others in one group. Returns the
    /// log, the positions of the batches, and the content of the synced-end file before the second group.
    static func build(_ folder: String) throws -> (log: FileLog, starts: [Int], before: Data) {
        let files = GatedFileSystem()
        let log = try makeLog(folder, files: files, clock: TestClock(1_700_000_000_000)) {
            $0.syncedEndLagMilliseconds = 0
        }
        let writer = FileLogWriter(log)
        try writer.append(topic: "orders", partition: 0, records: encode([numberedRecord(0)]))
        writer.close()
        let before = try bytes(path(log))
        let again = FileLogWriter(log)
        try again.open(topic: "orders")
        files.closeGate()
        var tickets = [try again.submit(topic: "orders", partition: 0, records: encode([numberedRecord(1)]))]
        files.waitForSync()
        for number in 2..<6 {
            tickets.append(try again.submit(topic: "orders", partition: 0, records: encode([numberedRecord(number)])))
        }
        files.openGate()
        for ticket in tickets { try ticket.wait() }
        again.close()
        var starts = [0]
        for number in 0..<6 { starts.append((starts.last ?? 0) + (try encode([numberedRecord(number)])).byteCount) }
        return (log, starts, before)
    }

    static func zero(_ path: String, _ range: Range<Int>) throws {
        try DamageTests.change(path) { bytes in for index in range { bytes[index] = 0 } }
    }

    @Test func `a hole in the group that was not synced is cut, whatever follows`() throws {
        try withTemporaryFolder { folder in
            let (log, starts, before) = try Self.build(folder)
            let path = try #require(try segmentFiles(log).first)
            // The power failed before the second group's sync returned: its third batch has not reached the device.
            try before.write(to: URL(fileURLWithPath: Self.path(log)))
            try Self.zero(path, starts[3] + 20..<starts[4])
            #expect(try readAll(log).count == 3)
            #expect(try log.offsets(topic: "orders", partition: 0).end == 3)
            let writer = FileLogWriter(log)
            let cut = try #require(try writer.open(topic: "orders").first)
            #expect(cut.position == Int64(starts[3]))
            #expect(cut.nextOffset == 3)
            #expect(cut.byteCount == Int64(starts[6] - starts[3]))
            #expect(try writer.append(topic: "orders", partition: 0, records: encode([numberedRecord(3)])) == 3)
            writer.close()
            #expect(try readAll(log) == (0..<4).map { numberedRecord($0) })
        }
    }

    /// The synced-end file may lag or be lost. Batches of a later group also prove that earlier ones were synced.
    @Test(arguments: [true, false])
    func `a hole before a later group is damage`(_ hasFile: Bool) throws {
        try withTemporaryFolder { folder in
            let (log, starts, _) = try Self.build(folder)
            let path = try #require(try segmentFiles(log).first)
            if !hasFile { try LocalFileSystem().remove(Self.path(log)) }
            try Self.zero(path, starts[1] + 20..<starts[2])
            let damaged = try Self.bytes(path)
            for attempt in 0..<3 {
                let error = #expect(throws: WeirError.self) {
                    switch attempt {
                    case 0: _ = try readAll(log)
                    case 1: _ = try log.offsets(topic: "orders", partition: 0)
                    default: try FileLogWriter(log).open(topic: "orders")
                    }
                }
                #expect(error?.code == .corrupt)
                #expect(error?.description.contains("\(path), byte \(starts[1]), offset 1") == true, "\(error as Any)")
            }
            #expect(try Self.bytes(path) == damaged)
        }
    }

    enum Loss: String, CaseIterable { case cut, hole, zeros, segment }

    @Test(arguments: Loss.allCases)
    func `what ends below the synced end is an error that says where and what to do`(_ loss: Loss) throws {
        try withTemporaryFolder { folder in
            let (log, starts, _) = try Self.build(folder)
            let path = try #require(try segmentFiles(log).first)
            var end = 4
            switch loss {
            case .cut: try LocalFileSystem().open(path, .write).truncate(to: Int64(starts[4]))
            case .hole: try Self.zero(path, starts[4] + 30..<starts[4] + 40)
            case .zeros: try Self.zero(path, starts[4]..<starts[6])
            case .segment:
                try LocalFileSystem().remove(path)
                end = 0
            }
            for attempt in 0..<3 {
                let error = #expect(throws: WeirError.self, "\(loss), \(attempt)") {
                    switch attempt {
                    case 0: _ = try readAll(log)
                    case 1: _ = try log.offsets(topic: "orders", partition: 0)
                    default: try FileLogWriter(log).open(topic: "orders")
                    }
                }
                #expect(error?.code == .corrupt)
                let text = error?.description ?? ""
                for part in [
                    "\(path), byte \(starts[end]), offset \(end)", "synced up to offset 6", "restore the file",
                ] {
                    #expect(text.contains(part), "\(text)")
                }
            }
            // A reader that was open before reports the same error and does not wait at the wrong end.
            let partition = try log.describe("orders").partitions.first
            #expect(partition?.damage != nil)
            // The remedy that the error names.
            try LocalFileSystem().remove(Self.path(log))
            let writer = FileLogWriter(log)
            try writer.open(topic: "orders")
            #expect(
                try writer.append(topic: "orders", partition: 0, records: encode([numberedRecord(9)])) == Int64(end)
            )
            writer.close()
            #expect(try readAll(log).count == end + 1)
        }
    }

    @Test func `a later segment that is gone is missed`() throws {
        try withTemporaryFolder { folder in
            let (log, all) = try DamageTests.build(folder)
            let last = try #require(try segmentFiles(log).last)
            try LocalFileSystem().remove(last)
            for attempt in 0..<3 {
                let error = #expect(throws: WeirError.self) {
                    switch attempt {
                    case 0: _ = try readAll(log)
                    case 1: _ = try log.offsets(topic: "orders", partition: 0)
                    default: try FileLogWriter(log).open(topic: "orders")
                    }
                }
                #expect(error?.description.contains(last) == true, "\(error as Any)")
                #expect(error?.description.contains("synced up to offset \(all.count)") == true, "\(error as Any)")
            }
        }
    }

    @Test func `a log without the file opens as before and gets one`() throws {
        try withTemporaryFolder { folder in
            let (log, all) = try DamageTests.build(folder)
            try LocalFileSystem().remove(Self.path(log))
            #expect(try readAll(log) == all)
            let writer = FileLogWriter(log)
            #expect(try writer.open(topic: "orders").isEmpty)
            writer.close()
            #expect(try Self.bytes(Self.path(log)).count > 0)
            // Neither slot is valid: as if there were no file.
            try Data(repeating: 0xff, count: 600).write(to: URL(fileURLWithPath: Self.path(log)))
            #expect(try readAll(log) == all)
        }
    }

    @Test func `a partition that rests has its synced end written`() throws {
        try withTemporaryFolder { folder in
            let log = try makeLog(folder) {
                $0.syncedEndLagMilliseconds = 1
                $0.syncedEndRestMilliseconds = 1
            }
            let writer = FileLogWriter(log)
            try writer.append(topic: "orders", partition: 0, records: encode([numberedRecord(0)]))
            let first = try Self.bytes(Self.path(log))
            try writer.append(topic: "orders", partition: 0, records: encode([numberedRecord(1)]))
            // Nothing is appended or closed, so only the timer can cause the write.
            let deadline = Date(timeIntervalSinceNow: 20)
            func slots() throws -> Set<UInt8> {
                let bytes = [UInt8](try Self.bytes(Self.path(log)))
                return Set([31, 512 + 31].filter { $0 < bytes.count }.map { bytes[$0] })
            }
            while try !slots().contains(2), Date() < deadline { usleep(2000) }
            #expect(try slots().contains(2), "\(first.count)")
            writer.close()
        }
    }
}

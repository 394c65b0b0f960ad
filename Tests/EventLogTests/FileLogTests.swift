import Bytes
import EventLog
import Foundation
import ObjectStorage
import Testing
import WeirTesting

@Suite struct FileLogTests {
    @Test func `what was appended is read back with keys, tombstones and times`() throws {
        try withTemporaryFolder { folder in
            let log = try makeLog(folder)
            let writer = FileLogWriter(log)
            let records = [
                TestRecord(key: Array("a".utf8), value: Array("1".utf8), timestamp: 1000),
                TestRecord(key: nil, value: Array("no key".utf8), timestamp: 900),
                TestRecord(key: Array("a".utf8), value: nil, timestamp: 1100),
                TestRecord(key: [], value: [], timestamp: 1 << 50),
            ]
            #expect(try writer.append(topic: "orders", partition: 0, records: encode(records)) == 0)
            #expect(try writer.append(topic: "orders", partition: 0, records: encode(records)) == 4)
            #expect(try readAll(log) == records + records)
            #expect(try readAll(log, from: 3) == Array((records + records)[3...]))
            writer.close()
            #expect(try readAll(log) == records + records)
            #expect(try log.offsets(topic: "orders", partition: 0) == (0, 8))
            #expect(try log.topics() == ["orders"])
        }
    }

    @Test(arguments: CompressionCodec.allCases)
    func `every codec is written and read`(_ codec: CompressionCodec) throws {
        try withTemporaryFolder { folder in
            let log = try makeLog(folder)
            let writer = FileLogWriter(log)
            let all = (0..<5000).map { numberedRecord($0, valueBytes: 200) }
            for start in stride(from: 0, to: 5000, by: 500) {
                let other = start % 1000 == 0 ? codec : .none
                let batch = try encode(Array(all[start..<start + 500]), codec: other)
                try writer.append(topic: "orders", partition: 0, records: batch)
            }
            #expect(try readAll(log) == all)
            #expect(try readAll(log, from: 1234) == Array(all[1234...]))
            writer.close()
            #expect(try readAll(log, from: 4321, maxBytes: 1) == Array(all[4321...]))
        }
    }

    @Test func `a codec that is not known is a clear error`() throws {
        try withTemporaryFolder { folder in
            let log = try makeLog(folder)
            let writer = FileLogWriter(log)
            try writer.append(topic: "orders", partition: 0, records: encode([numberedRecord(0)]))
            writer.close()
            // The attributes are at byte 21, the checksum covers them.
            let path = try #require(try segmentFiles(log).first)
            var bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
            bytes[22] = 5
            let checksum = bytes[21...].withUnsafeBytes { CRC32C.checksum($0) }
            for index in 0..<4 { bytes[17 + index] = UInt8(truncatingIfNeeded: checksum >> UInt32(24 - 8 * index)) }
            try Data(bytes).write(to: URL(fileURLWithPath: path))
            let error = #expect(throws: WeirError.self) { try readAll(log) }
            #expect(error?.code == .unsupported)
            #expect(error?.description.contains(path) == true)
            #expect(error?.description.contains("offset 0") == true)
            #expect(error?.description.contains("codec number 5") == true)
        }
    }

    @Test func `segments roll by size and reading goes across them`() throws {
        try withTemporaryFolder { folder in
            let log = try makeLog(folder) { $0.segmentBytes = 4096 }
            let writer = FileLogWriter(log)
            let all = (0..<400).map { numberedRecord($0, valueBytes: 100) }
            for start in stride(from: 0, to: 400, by: 10) {
                try writer.append(topic: "orders", partition: 0, records: encode(Array(all[start..<start + 10])))
            }
            #expect(try segmentFiles(log).count > 8)
            #expect(try readAll(log) == all)
            writer.close()
            for offset in [0, 1, 9, 10, 39, 40, 111, 399, 400] {
                #expect(try readAll(log, from: Int64(offset)) == Array(all[offset...]))
            }
            let again = FileLogWriter(log)
            #expect(try again.append(topic: "orders", partition: 0, records: encode([numberedRecord(400)])) == 400)
            #expect(again.recoveries.isEmpty)
            #expect(again.rebuiltIndexes.isEmpty)
            again.close()
        }
    }

    @Test func `a segment rolls when its first record is too old`() throws {
        try withTemporaryFolder { folder in
            let time = TestClock(1_000_000)
            let log = try makeLog(folder, clock: time) { $0.segmentAgeMilliseconds = 1000 }
            let writer = FileLogWriter(log)
            let record = TestRecord(key: nil, value: [1], timestamp: 1_000_000)
            for _ in 0..<3 { try writer.append(topic: "orders", partition: 0, records: encode([record])) }
            #expect(try segmentFiles(log).count == 1)
            time.advance(by: 1001)
            try writer.append(topic: "orders", partition: 0, records: encode([record]))
            #expect(try segmentFiles(log).count == 2)
            writer.close()
        }
    }

    @Test func `retention removes whole old segments and tells readers what is lost`() throws {
        try withTemporaryFolder { folder in
            let time = TestClock(0)
            let log = try makeLog(folder, clock: time) {
                $0.segmentBytes = 2048
                $0.retentionMilliseconds = 1000
            }
            let writer = FileLogWriter(log)
            for number in 0..<40 {
                time.advance(by: 100)
                let record = TestRecord(key: nil, value: [UInt8](repeating: 7, count: 300), timestamp: time.now)
                try writer.append(topic: "orders", partition: 0, records: encode([record]))
                let (earliest, end) = try log.offsets(topic: "orders", partition: 0)
                #expect(end == Int64(number + 1))
                #expect(earliest <= max(0, end - 10))
            }
            let earliest = try log.offsets(topic: "orders", partition: 0).earliest
            #expect(earliest > 20)
            let error = #expect(throws: WeirError.self) { try log.reader(topic: "orders", partition: 0, from: 3) }
            #expect(error?.code == .notFound)
            #expect(error?.message.contains("offsets 3 to \(earliest - 1) are lost") == true)
            time.advance(by: 1_000_000)
            #expect(try writer.applyRetention(topic: "orders") > 0)
            #expect(try segmentFiles(log).count == 1)
            #expect(try segmentFiles(log, kind: "timeindex").count <= 1)
            writer.close()
        }
    }

    @Test func `retention by size keeps at least what it promises`() throws {
        try withTemporaryFolder { folder in
            let log = try makeLog(folder) {
                $0.segmentBytes = 2048
                $0.retentionBytes = 6000
            }
            let writer = FileLogWriter(log)
            for number in 0..<100 {
                try writer.append(
                    topic: "orders",
                    partition: 0,
                    records: encode([numberedRecord(number, valueBytes: 300)])
                )
            }
            try writer.applyRetention(topic: "orders")
            let sizes = try segmentFiles(log).map { try #require(try LocalFileSystem().status($0)).size }
            #expect(sizes.reduce(0, +) >= 6000)
            #expect(sizes.dropFirst().reduce(0, +) < 6000)
            writer.close()
        }
    }

    @Test func `a reader that retention overtakes learns which offsets are lost`() throws {
        try withTemporaryFolder { folder in
            let log = try makeLog(folder) {
                $0.segmentBytes = 2048
                $0.retentionBytes = 4096
            }
            let writer = FileLogWriter(log)
            func append(_ numbers: Range<Int>) throws {
                for number in numbers {
                    let batch = try encode([numberedRecord(number, valueBytes: 500)])
                    try writer.append(topic: "orders", partition: 0, records: batch)
                }
            }
            try append(0..<2)
            let reader = try log.reader(topic: "orders", partition: 0, from: 0)
            #expect(try reader.next(maxBytes: 1)?.count == 2)
            try append(2..<60)
            let error = #expect(throws: WeirError.self) { while try reader.next(maxBytes: 1) != nil {} }
            #expect(error?.message.contains("are lost") == true)
            writer.close()
        }
    }

    @Test func `times lead to the first record that is not older`() throws {
        try withTemporaryFolder { folder in
            let log = try makeLog(folder) {
                $0.segmentBytes = 8192
                $0.indexIntervalBytes = 256
            }
            let writer = FileLogWriter(log)
            for number in 0..<300 {
                let record = TestRecord(
                    key: nil,
                    value: [UInt8](repeating: 1, count: 80),
                    timestamp: Int64(number * 10)
                )
                try writer.append(topic: "orders", partition: 0, records: encode([record]))
            }
            for _ in 0..<2 {
                for time in [-5, 0, 1, 10, 1005, 1500, 2989, 2990] {
                    let expected = max(0, Int64((time + 9) / 10))
                    #expect(try log.offset(topic: "orders", partition: 0, notBefore: Int64(time)) == expected)
                }
                #expect(try log.offset(topic: "orders", partition: 0, notBefore: 2991) == 300)
                writer.close()
            }
        }
    }

    @Test func `topics are created whole, listed, and deleted`() throws {
        try withTemporaryFolder { folder in
            let log = try makeLog(folder, partitions: 3)
            try log.createTopic("customers.v1")
            #expect(try log.topics() == ["customers.v1", "orders"])
            #expect(try log.partitions(of: "orders") == [0, 1, 2])
            #expect(throws: WeirError.self) { try log.createTopic("orders") }
            for name in ["", ".", "..", "a/b", "ü", "a b", String(repeating: "x", count: 250), "a~b"] {
                let error = #expect(throws: WeirError.self) { try log.createTopic(name) }
                #expect(error?.code == .invalid)
            }
            let missing = #expect(throws: WeirError.self) { try log.partitions(of: "order") }
            #expect(missing?.advice == "did you mean 'orders'?")
            #expect(throws: WeirError.self) { try log.reader(topic: "orders", partition: 3, from: 0) }

            let writer = FileLogWriter(log)
            try writer.append(topic: "orders", partition: 1, records: encode([numberedRecord(0)]))
            #expect(#expect(throws: WeirError.self) { try log.deleteTopic("orders") }?.code == .locked)
            writer.close()
            try log.deleteTopic("orders")
            #expect(try log.topics() == ["customers.v1"])
            try log.createTopic("orders")
            #expect(try log.offsets(topic: "orders", partition: 0) == (0, 0))
        }
    }

    @Test func `a second writer is refused and told who writes`() throws {
        try withTemporaryFolder { folder in
            let log = try makeLog(folder)
            let writer = FileLogWriter(log, owner: "ingest")
            try writer.append(topic: "orders", partition: 0, records: encode([numberedRecord(0)]))
            let second = FileLogWriter(try makeLog(folder))
            let error = #expect(throws: WeirError.self) {
                try second.append(topic: "orders", partition: 0, records: encode([numberedRecord(1)]))
            }
            #expect(error?.code == .locked)
            #expect(error?.message.contains("ingest \(ProcessInfo.processInfo.processIdentifier)") == true)
            #expect(try readAll(log).count == 1)
            writer.close()
            #expect(try second.append(topic: "orders", partition: 0, records: encode([numberedRecord(1)])) == 1)
            second.close()
        }
    }

    @Test func `offsets beyond the end are refused`() throws {
        try withTemporaryFolder { folder in
            let log = try makeLog(folder)
            #expect(throws: WeirError.self) { try log.reader(topic: "orders", partition: 0, from: 1) }
            #expect(try log.reader(topic: "orders", partition: 0, from: 0).next(maxBytes: 1000) == nil)
        }
    }

    @Test(arguments: [FlushMode.everyMilliseconds(5), .never])
    func `weaker flush modes keep what they wrote`(_ mode: FlushMode) throws {
        try withTemporaryFolder { folder in
            let log = try makeLog(folder) {
                $0.flush = mode
                $0.segmentBytes = 4096
            }
            let writer = FileLogWriter(log)
            for number in 0..<200 {
                try writer.append(
                    topic: "orders",
                    partition: 0,
                    records: encode([numberedRecord(number, valueBytes: 100)])
                )
            }
            writer.close()
            #expect(try readAll(log) == (0..<200).map { numberedRecord($0, valueBytes: 100) })
        }
    }
}

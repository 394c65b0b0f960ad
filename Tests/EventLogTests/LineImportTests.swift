import Bytes
import EventLog
import Foundation
import ObjectStorage
import Testing
import WeirTesting

@Suite struct LineImportTests {
    static func write(_ text: String, _ folder: String) throws -> String {
        let path = folder + "/input"
        try Data(text.utf8).write(to: URL(fileURLWithPath: path))
        return path
    }

    static func values(_ log: FileLog, partition: Int = 0) throws -> [String] {
        try readAll(log, partition: partition).map { record in
            let key = record.key.map { String(decoding: $0, as: UTF8.self) + "=" } ?? ""
            return key + (record.value.map { String(decoding: $0, as: UTF8.self) } ?? "null")
        }
    }

    @Test func `lines become values`() throws {
        try withTemporaryFolder { folder in
            let log = try makeLog(folder)
            let writer = FileLogWriter(log)
            let path = try Self.write("{\"a\":1}\n\r\n{\"a\":2}\r\n\n{\"a\":3}", folder)
            let result = try LineImport(topic: "orders", format: .value).run(path, to: writer)
            #expect(result == LineImport.Progress(records: 3, byteCount: 21))
            #expect(try Self.values(log) == ["{\"a\":1}", "{\"a\":2}", "{\"a\":3}"])
            writer.close()
        }
    }

    @Test func `keys choose the partition and an empty value is a tombstone`() throws {
        try withTemporaryFolder { folder in
            let log = try makeLog(folder, partitions: 3)
            let writer = FileLogWriter(log)
            let lines = (0..<300).map { "k\($0 % 20)\tv\($0)" } + ["k1\t"]
            try LineImport(topic: "orders", format: .keyValue).run(
                Self.write(lines.joined(separator: "\n"), folder),
                to: writer
            )
            var keys: [Set<String>] = []
            var count = 0
            for partition in 0..<3 {
                let found = try Self.values(log, partition: partition)
                count += found.count
                keys.append(Set(found.compactMap { $0.split(separator: "=").first.map(String.init) }))
                if keys[partition].contains("k1") { #expect(found.last { $0.hasPrefix("k1=") } == "k1=null") }
            }
            #expect(count == 301)
            #expect(keys[0].isDisjoint(with: keys[1]) && keys[0].isDisjoint(with: keys[2]))
            #expect(keys[1].isDisjoint(with: keys[2]))
            writer.close()
        }
    }

    /// The partitions that Kafka's own partitioner chooses.
    @Test(
        arguments: zip(
            ["21", "foobar", "a-little-bit-long-string", "lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8"],
            [
                -973_932_308, -790_332_482, -985_981_536, -58_897_971,
            ] as [Int32]
        )
    )
    func `keys are hashed as Kafka does`(_ key: String, _ hash: Int32) {
        let expected = Int(UInt32(bitPattern: hash) & 0x7fff_ffff) % 1000
        #expect(Array(key.utf8).withUnsafeBytes { KeyPartitioner.partition(of: $0, count: 1000) } == expected)
    }

    @Test func `a line without a tab is named and what came before it stays`() throws {
        try withTemporaryFolder { folder in
            let log = try makeLog(folder)
            let writer = FileLogWriter(log)
            let path = try Self.write("a\t1\nb\t2\nbroken\nc\t3\n", folder)
            let error = #expect(throws: WeirError.self) {
                try LineImport(topic: "orders", format: .keyValue).run(path, to: writer)
            }
            #expect(error?.location == path + ", line 3")
            #expect(error?.advice == "2 records before it were appended")
            #expect(try Self.values(log) == ["a=1", "b=2"])
            writer.close()
        }
    }

    @Test func `lines longer than the buffer and many batches arrive in order`() throws {
        try withTemporaryFolder { folder in
            let log = try makeLog(folder)
            let writer = FileLogWriter(log)
            let lines = (0..<3000).map { "\($0) " + String(repeating: "x", count: $0 == 1500 ? 3_000_000 : 1000) }
            var job = LineImport(topic: "orders", format: .value)
            job.batchBytes = 64 << 10
            var reports = 0
            let path = try Self.write(lines.joined(separator: "\n") + "\n", folder)
            try job.run(path, to: writer) { _ in reports += 1 }
            #expect(try Self.values(log) == lines)
            #expect(reports > 10)
            writer.close()
        }
    }

    @Test func `a description gives segments, offsets, sizes and times`() throws {
        try withTemporaryFolder { folder in
            let log = try makeLog(folder) { $0.segmentBytes = 3000 }
            let writer = FileLogWriter(log)
            for number in 0..<50 {
                let batch = try encode([numberedRecord(number, valueBytes: 200)])
                try writer.append(topic: "orders", partition: 0, records: batch)
            }
            for _ in 0..<2 {
                let partition = try #require(try log.describe("orders").partitions.first)
                #expect(partition.earliest == 0 && partition.end == 50 && partition.records == 50)
                #expect(partition.segments.count > 3)
                let files = try segmentFiles(log)
                #expect(partition.segments.map(\.file) == files)
                let sizes = try files.map { try #require(try LocalFileSystem().status($0)).size }
                #expect(partition.segments.map(\.byteCount) == sizes)
                for segment in partition.segments {
                    #expect(segment.firstTimestamp == numberedRecord(Int(segment.baseOffset)).timestamp)
                    #expect(segment.newestTimestamp == numberedRecord(Int(segment.endOffset) - 1).timestamp)
                }
                writer.close()
            }
        }
    }
}

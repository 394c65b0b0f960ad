import Bytes
import EventLog
import Foundation
import ObjectStorage
import Testing
import WeirTesting

/// Damaged files give the right records or an error, never a wrong record or a trap.
@Suite struct DamageTests {
    /// Writes and closes a log of several segments. Returns its records.
    static func build(_ folder: String, codec: CompressionCodec = .none) throws -> (FileLog, [TestRecord]) {
        let log = try makeLog(folder) {
            $0.segmentBytes = 4000
            $0.indexIntervalBytes = 500
        }
        let writer = FileLogWriter(log)
        let all = (0..<120).map { numberedRecord($0, valueBytes: 80) }
        for start in stride(from: 0, to: 120, by: 4) {
            try writer.append(
                topic: "orders",
                partition: 0,
                records: encode(Array(all[start..<start + 4]), codec: codec)
            )
        }
        writer.close()
        return (log, all)
    }

    static func change(_ path: String, _ body: (inout [UInt8]) -> Void) throws {
        var bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
        body(&bytes)
        try Data(bytes).write(to: URL(fileURLWithPath: path))
    }

    @Test func `a torn tail is cut and reported`() throws {
        try withTemporaryFolder { folder in
            let (log, all) = try Self.build(folder)
            // For a log without a synced end.
            try LocalFileSystem().remove(SyncedEndTests.path(log))
            let path = try #require(try segmentFiles(log).last)
            let size = try #require(try LocalFileSystem().status(path)).size
            try Self.change(path) { $0.removeLast(30) }
            // Readers get the whole batches even before a writer repairs the log.
            let whole = try readAll(log)
            #expect(whole == Array(all[..<whole.count]))
            #expect(whole.count == 116)
            let writer = FileLogWriter(log)
            let cut = try #require(try writer.open(topic: "orders").first)
            #expect(cut.file == path)
            #expect(cut.position + cut.byteCount == size - 30)
            #expect(cut.nextOffset == 116)
            #expect(cut.description.contains(path))
            #expect(try writer.append(topic: "orders", partition: 0, records: encode([all[116]])) == 116)
            writer.close()
            #expect(try readAll(log) == Array(all[..<117]))
        }
    }

    @Test(arguments: ["zeros", "noise"])
    func `a tail that was never written is cut`(_ kind: String) throws {
        try withTemporaryFolder { folder in
            let (log, all) = try Self.build(folder)
            let path = try #require(try segmentFiles(log).last)
            var random = SeededGenerator(seed: 3)
            try Self.change(path) { bytes in
                for _ in 0..<5000 { bytes.append(kind == "zeros" ? 0 : UInt8.random(in: 0...255, using: &random)) }
            }
            #expect(try readAll(log) == all)
            let writer = FileLogWriter(log)
            #expect(try writer.open(topic: "orders").first?.byteCount == 5000)
            writer.close()
            #expect(try readAll(log) == all)
        }
    }

    @Test func `damage with valid batches behind it stops readers and writers and changes nothing`() throws {
        try withTemporaryFolder { folder in
            let (log, all) = try Self.build(folder)
            for path in [try #require(try segmentFiles(log).first), try #require(try segmentFiles(log).last)] {
                let before = try Data(contentsOf: URL(fileURLWithPath: path))
                // Behind the first batch's header, where only the checksum can tell.
                try Self.change(path) { $0[100] ^= 0x10 }
                let damaged = try Data(contentsOf: URL(fileURLWithPath: path))
                let error = #expect(throws: WeirError.self) { try readAll(log) }
                #expect(error?.code == .corrupt)
                #expect(error?.description.contains(path) == true)
                #expect(error?.description.contains("byte 0") == true)
                #expect(error?.description.contains("has the checksum 0x") == true)
                #expect(error?.description.contains("its bytes give 0x") == true)
                if path == (try segmentFiles(log).last) {
                    let writer = FileLogWriter(log)
                    let refused = #expect(throws: WeirError.self) { try writer.open(topic: "orders") }
                    #expect(refused?.code == .corrupt)
                    #expect(refused?.description.contains("checksum") == true)
                }
                #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == damaged)
                try before.write(to: URL(fileURLWithPath: path))
                #expect(try readAll(log) == all)
            }
        }
    }

    @Test func `damage before valid batches is not taken for the end of the log`() throws {
        try withTemporaryFolder { folder in
            let (log, all) = try Self.build(folder)
            let path = try #require(try segmentFiles(log).last)
            #expect(try log.offsets(topic: "orders", partition: 0).end == 120)
            // The second-last batch; without an index the end is looked for from the beginning of the segment.
            try LocalFileSystem().remove(String(path.dropLast(4)) + ".index")
            let size = Int(try #require(try LocalFileSystem().status(path)).size)
            let batchBytes = try encode(Array(all[112..<116])).byteCount
            try Self.change(path) { $0[size - batchBytes - 20] ^= 0x10 }
            let error = #expect(throws: WeirError.self) { try log.offsets(topic: "orders", partition: 0) }
            #expect(error?.code == .corrupt)
            let text = error?.description ?? ""
            for part in [path, "has the checksum 0x", "its bytes give 0x", "byte ", "valid batches follow"] {
                #expect(text.contains(part), "\(text)")
            }
            // Listings still show the topic, and readers get the records before the damage.
            let partition = try #require(try log.describe("orders").partitions.first)
            #expect(partition.end == 112)
            #expect(partition.damage?.description == text)
            #expect(try log.earliestOffset(topic: "orders", partition: 0) == 0)
            let reader = try log.reader(topic: "orders", partition: 0, from: 0)
            #expect(reader.position == 0)
            #expect(throws: WeirError.self) { try log.reader(topic: "orders", partition: 0, from: 116) }
        }
    }

    @Test func `an emptied segment is noticed`() throws {
        try withTemporaryFolder { folder in
            let (log, _) = try Self.build(folder)
            for path in try segmentFiles(log).dropLast() {
                let before = try Data(contentsOf: URL(fileURLWithPath: path))
                try Self.change(path) { $0 = [] }
                #expect(#expect(throws: WeirError.self) { try readAll(log) }?.code == .corrupt)
                let writer = FileLogWriter(log)
                #expect(#expect(throws: WeirError.self) { try writer.open(topic: "orders") }?.code == .corrupt)
                try before.write(to: URL(fileURLWithPath: path))
            }
        }
    }

    @Test func `a missing segment is noticed`() throws {
        try withTemporaryFolder { folder in
            let (log, _) = try Self.build(folder)
            let segments = try segmentFiles(log)
            try LocalFileSystem().remove(segments[2])
            #expect(#expect(throws: WeirError.self) { try readAll(log) }?.code == .corrupt)
            let writer = FileLogWriter(log)
            #expect(#expect(throws: WeirError.self) { try writer.open(topic: "orders") }?.code == .corrupt)
        }
    }

    @Test(arguments: SeededGenerator.seeds(3), [CompressionCodec.none, .gzip])
    func `flipped bytes and cut files never give a wrong record`(_ seed: UInt64, _ codec: CompressionCodec) throws {
        print("damage seed \(seed)")
        var random = SeededGenerator(seed: seed)
        try withTemporaryFolder { folder in
            let (log, all) = try Self.build(folder, codec: codec)
            let directory = log.root + "/orders/0"
            let names = try LocalFileSystem().list(directory).map(\.name).sorted()
            let original = try names.map { try Data(contentsOf: URL(fileURLWithPath: directory + "/" + $0)) }
            var refused = 0
            for _ in 0..<60 {
                let target = Int.random(in: 0..<names.count, using: &random)
                let isLog = names[target].hasSuffix(".log")
                guard !original[target].isEmpty else { continue }
                var bytes = [UInt8](original[target])
                if Int.random(in: 0..<4, using: &random) == 0 {
                    bytes.removeLast(Int.random(in: 1...bytes.count, using: &random))
                } else {
                    for _ in 0..<Int.random(in: 1...3, using: &random) {
                        bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(
                            in: 0...255,
                            using: &random
                        )
                    }
                }
                try Data(bytes).write(to: URL(fileURLWithPath: directory + "/" + names[target]))
                let start = Int.random(in: 0..<all.count, using: &random)
                do {
                    let found = try readAll(
                        log,
                        from: Int64(start),
                        maxBytes: Int.random(in: 1...20_000, using: &random)
                    )
                    #expect(found == Array(all[start...].prefix(found.count)))
                    #expect(isLog || found.count == all.count - start)
                } catch {
                    #expect(error is WeirError)
                    #expect(isLog, "\(names[target]): \(error)")
                    refused += 1
                }
                let time = all[start].timestamp
                if let offset = try? log.offset(topic: "orders", partition: 0, notBefore: time), !isLog {
                    #expect(offset == Int64(start))
                }
                let writer = FileLogWriter(log)
                do {
                    try writer.open(topic: "orders")
                    writer.close()
                    let left = try readAll(log)
                    #expect(left == Array(all.prefix(left.count)))
                } catch {
                    #expect(error is WeirError)
                    #expect(isLog, "\(names[target]): \(error)")
                }
                writer.close()
                for (name, data) in zip(names, original) {
                    try data.write(to: URL(fileURLWithPath: directory + "/" + name))
                }
            }
            #expect(refused > 3)
        }
    }
}

import Foundation
import ObjectStorage
import Testing
import WeirTesting

@testable import Bytes
@testable import EventLog

/// The bytes of a batch, compared with batches written by hand and by the Python Kafka client.
@Suite struct RecordBatchLayoutTests {
    static let records = [
        TestRecord(key: Array("k1".utf8), value: Array("hello".utf8), timestamp: 1_700_000_000_000),
        TestRecord(key: nil, value: [UInt8](repeating: UInt8(ascii: "x"), count: 70), timestamp: 1_700_000_000_007),
        TestRecord(key: Array("k1".utf8), value: nil, timestamp: 1_699_999_999_990),
    ]

    /// The Python client's batches of the three records, uncompressed and with gzip.
    static let fromClient =
        "00000000000000000000009e00000000023f6a20c00000000000020000018bcfe568000000018bcfe56807ffffffffffffffffffffffff"
        + "ffff000000031a000000046b310a68656c6c6f00a801000e02018c01"
        + String(repeating: "78", count: 70) + "0402680276026e0110001304046b310100"
    static let fromClientGzip =
        "00000000000000000000006e00000000021f3968fe0001000000020000018bcfe568000000018bcfe56807ffffffffffffffffffffffff"
        + "ffff000000031f8b0800d1bb036b02ff9362606060c936e4ca48cdc9c96758c1c8c0c7c4d8c3584115c0c294c154c694c728c020cc02"
        + "b48391010076a30c6e6d000000"

    static func encodeWithHeaders() throws -> [UInt8] {
        var builder = RecordBatchBuilder()
        for (index, record) in records.enumerated() {
            let headers =
                index == 1
                ? [RecordHeader(name: "h", value: Array("v".utf8)), RecordHeader(name: "n", value: nil)] : []
            try withBytes(record.key) { (key) throws(WeirError) in
                try withBytes(record.value) { (value) throws(WeirError) in
                    try builder.append(key: key, value: value, timestamp: record.timestamp, headers: headers)
                }
            }
        }
        let batch = try builder.finish()
        return withExtendedLifetime(batch) { Array(batch.bytes.bytes) }
    }

    @Test func `a batch has the bytes of format v2`() throws {
        let header: [UInt8] = [
            0, 0, 0, 0, 0, 0, 0, 0,  // baseOffset
            0, 0, 0, 0x9e,  // batchLength: 158 bytes from the leader epoch on
            0, 0, 0, 0,  // partitionLeaderEpoch
            2,  // magic
            0x3f, 0x6a, 0x20, 0xc0,  // CRC-32C
            0, 0,  // attributes
            0, 0, 0, 2,  // lastOffsetDelta
            0, 0, 0x01, 0x8b, 0xcf, 0xe5, 0x68, 0x00,  // baseTimestamp
            0, 0, 0x01, 0x8b, 0xcf, 0xe5, 0x68, 0x07,  // maxTimestamp
            255, 255, 255, 255, 255, 255, 255, 255,  // producerId
            255, 255,  // producerEpoch
            255, 255, 255, 255,  // baseSequence
            0, 0, 0, 3,  // records
        ]
        let first: [UInt8] = [
            26,  // length 13
            0,  // attributes
            0, 0,  // timestamp and offset delta
            4, 0x6b, 0x31,  // key "k1"
            10, 0x68, 0x65, 0x6c, 0x6c, 0x6f,  // value "hello"
            0,  // no headers
        ]
        let second: [UInt8] =
            [0xa8, 0x01, 0, 14, 2, 1]  // length 84, attributes, 7 ms later, offset 1, no key
            + [0x8c, 0x01] + [UInt8](repeating: 0x78, count: 70)  // value of 70 bytes
            + [4, 2, 0x68, 2, 0x76, 2, 0x6e, 1]  // two headers: h = v, n without a value
        let third: [UInt8] = [16, 0, 19, 4, 4, 0x6b, 0x31, 1, 0]  // 10 ms earlier, offset 2, key "k1", tombstone
        let bytes = try Self.encodeWithHeaders()
        #expect(bytes == header + first + second + third)
        #expect(Hex.encode(bytes) == Self.fromClient)
    }

    @Test(arguments: [RecordBatchLayoutTests.fromClient, RecordBatchLayoutTests.fromClientGzip])
    func `batches of a Kafka client are read`(_ hex: String) throws {
        try withTemporaryFolder { folder in
            let log = try makeLog(folder)
            let path = log.root + "/orders/0/00000000000000000000.log"
            try Data(try #require(Hex.decode(hex))).write(to: URL(fileURLWithPath: path))
            #expect(try readAll(log) == Self.records)
            let writer = FileLogWriter(log)
            #expect(try writer.append(topic: "orders", partition: 0, records: encode([numberedRecord(1)])) == 3)
            writer.close()
        }
    }

    @Test func `the checksum of the test vector is right by both methods, and they agree`() {
        let vector = Array("123456789".utf8)
        #expect(vector.withUnsafeBytes { CRC32C.checksum($0) } == 0xe306_9283)
        var random = SeededGenerator(seed: SeededGenerator.seeds(1)[0])
        for _ in 0..<Soak.rounds(200) {
            let bytes = (0..<Int.random(in: 0...30_000, using: &random)).map { _ in
                UInt8.random(in: 0...255, using: &random)
            }
            let split = Int.random(in: 0...bytes.count, using: &random)
            bytes.withUnsafeBytes { all in
                let first = CRC32C.checksum(UnsafeRawBufferPointer(rebasing: all[..<split]))
                let rest = UnsafeRawBufferPointer(rebasing: all[split...])
                #expect(CRC32C.checksum(rest, continuing: first) == CRC32C.portableChecksum(all))
            }
        }
    }

    @Test func `numbers take the bytes that are counted for them`() {
        let memory = UnsafeMutableRawPointer.allocate(byteCount: 16, alignment: 8)
        defer { memory.deallocate() }
        var values: [Int64] = [0, .min, .max]
        for shift in 0..<63 { values += [1 << shift, -(1 << shift), (1 << shift) - 1] }
        for value in values {
            var end = memory
            Varint.store(value, at: &end)
            #expect(end - memory == Varint.count(value))
            var offset = 0
            #expect(Varint.load(memory, &offset, end: end - memory) == value)
            offset = 0
            #expect(Varint.load(memory, &offset, end: end - memory - 1) == nil)
        }
    }

    @Test func `the arena is padded`() throws {
        try withTemporaryFolder { folder in
            let log = try makeLog(folder)
            let writer = FileLogWriter(log)
            for codec in [CompressionCodec.none, .gzip] {
                try writer.append(topic: "orders", partition: 0, records: encode([numberedRecord(0)], codec: codec))
            }
            let reader = try log.reader(topic: "orders", partition: 0, from: 0)
            var seen = 0
            while let batch = try reader.next(maxBytes: 1 << 20) {
                seen += batch.count
                let behind = UnsafeRawBufferPointer(
                    start: batch.arena.base + batch.arena.count,
                    count: RawBatch.padding
                )
                let inside = UnsafeRawBufferPointer(rebasing: batch.arena.bytes.suffix(RawBatch.padding))
                #expect(behind.allSatisfy { $0 == 0 } || inside.allSatisfy { $0 == 0 })
            }
            #expect(seen == 2)
            writer.close()
        }
    }
}

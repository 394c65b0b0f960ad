import Bytes
import Columnar
import Foundation
import ObjectStorage
import Testing
import WeirTesting

@testable import EventLog

/// Compressed batches of other programs in a segment of the file log.
@Suite struct CompressedBatchTests {
    @Test(arguments: ClientBatch.all)
    func `a batch of a Kafka client is read`(_ batch: ClientBatch) throws {
        try withTemporaryFolder { folder in
            let records = try Self.read(batch.bytes, in: folder)
            #expect(records == ClientBatch.records)
        }
    }

    @Test(arguments: ClientBatch.all)
    func `damage in it ends in an error, or in as many records`(_ batch: ClientBatch) throws {
        let bytes = batch.bytes
        // The checksum is recomputed, so that the codec reads the damaged bytes.
        for offset in RecordBatchHeader.byteCount..<bytes.count {
            var damaged = bytes
            damaged[offset] ^= 0x20
            Self.seal(&damaged)
            try withTemporaryFolder { folder in
                do {
                    let records = try Self.read(damaged, in: folder)
                    #expect(records.count == 6, "byte \(offset)")
                } catch let error as WeirError {
                    #expect(error.code == .corrupt, "byte \(offset): \(error)")
                }
            }
        }
    }

    @Test func `snappy in blocks is read to its end, and cut off nowhere`() throws {
        let texts = ["first ", String(repeating: "second ", count: 9000), "third"].map { Array($0.utf8) }
        var framed = [0x82] + Array("SNAPPY".utf8) + [0, 0, 0, 0, 1, 0, 0, 0, 1]
        for text in texts {
            let block = try CompressedBlock.compress(text, .snappy)
            framed += withUnsafeBytes(of: UInt32(block.count).bigEndian) { Array($0) } + block
        }
        #expect(try Self.expand(framed, .snappy) == texts.flatMap(\.self))
        for length in [17, 19, 21, framed.count - 1] {
            #expect(throws: WeirError.self, "\(length) bytes") { try Self.expand(Array(framed[..<length]), .snappy) }
        }
    }

    @Test func `frames of LZ4 follow each other, and a cut one is an error`() throws {
        let texts = ["", "first", String(repeating: "second ", count: 50_000)].map { Array($0.utf8) }
        var frames: [UInt8] = []
        for text in texts { frames += try Self.pack(text, .lz4) }
        #expect(try Self.expand(frames, .lz4) == texts.flatMap(\.self))
        for length in stride(from: 1, to: frames.count, by: max(1, frames.count / 97)) {
            let whole = try? Self.expand(Array(frames[..<length]), .lz4)
            #expect(whole.map { texts.flatMap(\.self).starts(with: $0) && $0.count <= 5 } ?? true, "\(length) bytes")
        }
        #expect(throws: WeirError.self) { try Self.expand([], .lz4) }
    }

    private static func pack(_ bytes: [UInt8], _ codec: CompressionCodec) throws(WeirError) -> [UInt8] {
        var output = GrowableBuffer()
        try bytes.withUnsafeBufferPointer { (input) throws(WeirError) in
            try codec.compress(UnsafeRawBufferPointer(input), into: &output)
        }
        return [UInt8](UnsafeRawBufferPointer(start: output.base, count: output.count))
    }

    private static func expand(_ bytes: [UInt8], _ codec: CompressionCodec) throws(WeirError) -> [UInt8] {
        var output = GrowableBuffer()
        try bytes.withUnsafeBufferPointer { (input) throws(WeirError) in
            try codec.decompress(UnsafeRawBufferPointer(input), into: &output)
        }
        return [UInt8](UnsafeRawBufferPointer(start: output.base, count: output.count))
    }

    /// Replaces the only batch of a topic by a batch with the same number of records.
    private static func read(_ bytes: [UInt8], in folder: String) throws -> [TestRecord] {
        let log = try makeLog(folder)
        let writer = FileLogWriter(log)
        try writer.append(topic: "orders", partition: 0, records: encode(ClientBatch.records))
        writer.close()
        let path = try #require(try segmentFiles(log).first)
        try Data(bytes).write(to: URL(fileURLWithPath: path))
        // The message about the file that existed before.
        let others = try segmentFiles(log, kind: "index") + segmentFiles(log, kind: "timeindex")
        for file in others { try FileManager.default.removeItem(atPath: file) }
        try? FileManager.default.removeItem(atPath: log.root + "/orders/0/" + SyncedEnd.fileName)
        return try readAll(log)
    }

    private static func seal(_ batch: inout [UInt8]) {
        let checksum = batch[21...].withUnsafeBytes { CRC32C.checksum($0) }
        for index in 0..<4 { batch[17 + index] = UInt8(truncatingIfNeeded: checksum >> UInt32(24 - 8 * index)) }
    }
}

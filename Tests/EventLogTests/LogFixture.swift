import Bytes
import EventLog
import ObjectStorage
import WeirTesting

/// A record as tests compare it.
struct TestRecord: Equatable {
    var key: [UInt8]?
    var value: [UInt8]?
    var timestamp: Int64
}

/// A record whose bytes identify it.
func numberedRecord(_ number: Int, valueBytes: Int = 20) -> TestRecord {
    let text = Array("value \(number) ".utf8)
    let filler = (0..<max(0, valueBytes - text.count)).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ number) }
    return TestRecord(
        key: Array("key \(number)".utf8),
        value: text + filler,
        timestamp: 1_700_000_000_000 + Int64(number)
    )
}

func withBytes<Result>(_ bytes: [UInt8]?, _ body: (UnsafeRawBufferPointer?) throws(WeirError) -> Result)
    throws(WeirError)
    -> Result
{
    guard let bytes else { return try body(nil) }
    return try bytes.withUnsafeBufferPointer { (buffer) throws(WeirError) in try body(UnsafeRawBufferPointer(buffer)) }
}

func encode(_ records: [TestRecord], codec: CompressionCodec = .none) throws(WeirError) -> EncodedRecordBatch {
    var builder = RecordBatchBuilder(codec: codec)
    for record in records {
        try withBytes(record.key) { (key) throws(WeirError) in
            try withBytes(record.value) { (value) throws(WeirError) in
                try builder.append(key: key, value: value, timestamp: record.timestamp)
            }
        }
    }
    return try builder.finish()
}

/// The records of a batch with their offsets.
func records(of batch: RawBatch) -> [(offset: Int64, record: TestRecord)] {
    batch.records.map { slot in
        (
            slot.offset,
            TestRecord(
                key: batch.key(slot).map { Array($0) },
                value: batch.value(slot).map { Array($0) },
                timestamp: slot.timestamp
            )
        )
    }
}

/// Reads all records from an offset to the end. Fails when offsets are not consecutive.
func readAll(
    _ log: FileLog,
    topic: String = "orders",
    partition: Int = 0,
    from offset: Int64 = 0,
    maxBytes: Int = 1 << 20
) throws(WeirError) -> [TestRecord] {
    let reader = try log.reader(topic: topic, partition: partition, from: offset)
    var found: [TestRecord] = []
    var expected = offset
    while let batch = try reader.next(maxBytes: maxBytes) {
        for (offset, record) in records(of: batch) {
            guard offset == expected else {
                throw WeirError(.corrupt, "offset \(offset) came where \(expected) was expected")
            }
            expected += 1
            found.append(record)
        }
    }
    return found
}

/// A log root with one topic, `orders`.
func makeLog(
    _ folder: String,
    partitions: Int = 1,
    files: any FileSystem = LocalFileSystem(),
    clock: TestClock? = nil,
    _ adjust: (inout FileLogSettings) -> Void = { _ in }
) throws(WeirError) -> FileLog {
    var settings = FileLogSettings()
    adjust(&settings)
    let log = try FileLog(root: folder + "/log", settings: settings, files: files) { clock?.now ?? FileLog.now() }
    if try !log.topics().contains("orders") { try log.createTopic("orders", partitions: partitions) }
    return log
}

func segmentFiles(_ log: FileLog, kind: String = "log") throws -> [String] {
    let directory = log.root + "/orders/0"
    return try LocalFileSystem().list(directory).map(\.name).filter { $0.hasSuffix("." + kind) }.sorted()
        .map { directory + "/" + $0 }
}

/// How much librdkafka prefetches for the reader of one partition.
///
/// librdkafka limits each partition separately, so the total is divided among the partitions. Its byte limit counts
/// only keys and values, but every record has an overhead of a few hundred bytes, so the number of records is limited
/// as well. A partition may buffer its share plus the response in flight.
struct KafkaPrefetch: Sendable, Equatable {
    /// Maximum bytes of a partition, used when there are few partitions.
    private static let bytesMax = 16 << 20
    /// With less, every few records would need a request.
    private static let bytesMin = 256 << 10
    /// Records smaller than this are limited by number instead of bytes.
    private static let recordBytes = 256
    /// Maximum bytes of a partition in one response: librdkafka's default.
    private static let answerBytesMax = 1 << 20

    let bytes: Int
    let records: Int
    /// The client's configuration properties.
    let properties: [String: String]

    /// Properties set by the user are kept.
    init(_ settings: KafkaSettings, partitions: Int = 1, aheadBytes: Int = bytesMax) {
        let share = min(Self.bytesMax, max(Self.bytesMin, aheadBytes / max(partitions, 1)))
        properties = [
            "queued.max.messages.kbytes": "\(share >> 10)",
            "queued.min.messages": "\(share / Self.recordBytes)",
            "fetch.message.max.bytes": "\(min(share, Self.answerBytesMax))",
        ].merging(settings.properties) { $1 }.filter { Self.names.contains($0.key) }
        bytes = (properties["queued.max.messages.kbytes"].flatMap { Int($0) } ?? 0) << 10
        records = properties["queued.min.messages"].flatMap { Int($0) } ?? 0
    }

    private static let names: Set = ["queued.max.messages.kbytes", "queued.min.messages", "fetch.message.max.bytes"]
}

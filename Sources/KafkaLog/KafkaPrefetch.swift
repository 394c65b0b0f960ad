/// How much librdkafka fetches ahead of the reader of one partition.
///
/// librdkafka bounds each partition by itself, so what all of them may hold is divided among them. It counts keys and
/// values alone, and every record costs it a few hundred bytes more: so records are counted, too. A partition may hold its
/// share and the answer that is under way.
struct KafkaPrefetch: Sendable, Equatable {
    /// Bytes of a partition where there are few.
    private static let bytesMax = 16 << 20
    /// Less would make a request of every few records.
    private static let bytesMin = 256 << 10
    /// Records that are smaller than that are bounded by their number.
    private static let recordBytes = 256
    /// Of a partition in one answer: librdkafka's own bound.
    private static let answerBytesMax = 1 << 20

    let bytes: Int
    let records: Int
    /// What a client is configured with.
    let properties: [String: String]

    /// What the user has set stands.
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

import Bytes

/// Errors for a position outside the log.
enum KafkaLostOffsets {
    static func error(_ topic: String, _ partition: Int, _ offset: Int64, earliest: Int64) -> WeirError {
        WeirError(
            .notFound,
            "offsets \(offset) to \(earliest - 1) are lost: the topic begins at offset \(earliest)",
            at: "topic \(topic), partition \(partition)",
            advice: "read from offset \(earliest), and keep the topic longer than the slowest reader needs "
                + "(retention.ms, retention.bytes)"
        )
    }

    static func beyondEnd(_ topic: String, _ partition: Int, _ offset: Int64, end: Int64) -> WeirError {
        WeirError(
            .invalid,
            "offset \(offset) lies beyond the end, which is offset \(end)",
            at: "topic \(topic), partition \(partition)",
            advice: "was the topic deleted and created again? then start from its beginning"
        )
    }
}

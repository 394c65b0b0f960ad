import CRdKafka

/// Bounds the wait for a group to answer that a member leaves.
///
/// The group answers late in a rebalance, and never while the brokers are away. Reports of outages do not tell which:
/// they may be of another broker, or over. So this asks for metadata, which brokers answer during a rebalance, too.
struct KafkaLeavingWait {
    private static let askEvery = Duration.seconds(1)
    private static let answerMilliseconds: Int32 = 1000
    private static let missesMax = 2

    private let handle: KafkaHandle
    private let deadline: ContinuousClock.Instant
    private var nextLook = ContinuousClock.now + askEvery
    private var misses = 0

    init(_ handle: KafkaHandle, seconds: Int) {
        self.handle = handle
        deadline = .now + .seconds(seconds)
    }

    /// Whether the brokers do not answer.
    var isInVain: Bool { misses >= Self.missesMax }

    /// Blocks for at most `answerMilliseconds`.
    mutating func isOver() -> Bool {
        if isInVain || ContinuousClock.now >= deadline { return true }
        guard ContinuousClock.now >= nextLook else { return false }
        misses = doesAnswer() ? 0 : misses + 1
        nextLook = .now + Self.askEvery
        return isInVain
    }

    /// Whether some broker answers. Blocks for at most `answerMilliseconds`.
    func doesAnswer() -> Bool {
        var metadata: UnsafePointer<rd_kafka_metadata>?
        let code = rd_kafka_metadata(handle.raw, 0, nil, &metadata, Self.answerMilliseconds)
        if let metadata { rd_kafka_metadata_destroy(metadata) }
        return code == RD_KAFKA_RESP_ERR_NO_ERROR
    }
}

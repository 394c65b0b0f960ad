import ChangeEvents

// Ledgers by topic and partition number, as they are written in JSON.

extension TopicPartition {
    fileprivate static func keyed<Value>(_ byTopic: [String: [Int: Value]]) -> [TopicPartition: Value] {
        byTopic.reduce(into: [:]) { keyed, topic in
            for (number, value) in topic.value { keyed[TopicPartition(topic: topic.key, partition: number)] = value }
        }
    }
}

extension PositionLedger {
    public init(_ byTopic: [String: [Int: Int64]]) { self.init(TopicPartition.keyed(byTopic)) }

    public func next(topic: String, partition: Int) -> Int64? {
        next(TopicPartition(topic: topic, partition: partition))
    }

    public mutating func advance(topic: String, partition: Int, to next: Int64) {
        advance(TopicPartition(topic: topic, partition: partition), to: next)
    }
}

extension LastRecords {
    public subscript(topic: String, partition: Int) -> RecordMark? {
        self[TopicPartition(topic: topic, partition: partition)]
    }
    public init(_ byTopic: [String: [Int: RecordMark]]) { self.init(TopicPartition.keyed(byTopic)) }

    public mutating func advance(topic: String, partition: Int, to mark: RecordMark) {
        advance(TopicPartition(topic: topic, partition: partition), to: mark)
    }
}

extension PositionRoutes {
    public subscript(topic: String, partition: Int) -> Entry? {
        self[TopicPartition(topic: topic, partition: partition)]
    }
    public init(_ byTopic: [String: [Int: Entry]]) { self.init(TopicPartition.keyed(byTopic)) }
}

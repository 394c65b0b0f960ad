import Bytes

/// Converts values by partition to their form in JSON, `{topic: {partition: value}}`, whose keys have to be strings.
enum PartitionTexts {
    static func texts<Value>(_ values: [TopicPartition: Value]) -> [String: [String: Value]] {
        values.reduce(into: [:]) { texts, entry in
            texts[entry.key.topic, default: [:]][String(entry.key.partition)] = entry.value
        }
    }

    /// - Parameter what: the name of the values in error messages.
    static func values<Value>(
        _ texts: [String: [String: Value]],
        _ what: String
    ) throws(WeirError) -> [TopicPartition: Value] {
        var values: [TopicPartition: Value] = [:]
        for (topic, partitions) in texts {
            for (text, value) in partitions {
                guard let partition = Int(text) else {
                    throw WeirError(.corrupt, "\(what) names the partition '\(text)'")
                }
                values[TopicPartition(topic: topic, partition: partition)] = value
            }
        }
        return values
    }
}

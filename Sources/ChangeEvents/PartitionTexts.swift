import Bytes

/// Values by topic and partition, with partitions as the text that JSON's keys are.
enum PartitionTexts {
    static func texts<Value>(_ values: [String: [Int: Value]]) -> [String: [String: Value]] {
        values.mapValues { partitions in
            Dictionary(uniqueKeysWithValues: partitions.map { (String($0.key), $0.value) })
        }
    }

    /// - Parameter what: what errors call them.
    static func values<Value>(
        _ texts: [String: [String: Value]],
        _ what: String
    ) throws(WeirError) -> [String: [Int: Value]] {
        var values: [String: [Int: Value]] = [:]
        for (topic, partitions) in texts {
            for (text, value) in partitions {
                guard let partition = Int(text) else {
                    throw WeirError(.corrupt, "\(what) names the partition '\(text)'")
                }
                values[topic, default: [:]][partition] = value
            }
        }
        return values
    }
}

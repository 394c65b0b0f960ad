import Bytes

/// Converts values by topic and partition between integer partitions and the strings that JSON keys have to be.
enum PartitionTexts {
    static func texts<Value>(_ values: [String: [Int: Value]]) -> [String: [String: Value]] {
        values.mapValues { partitions in
            Dictionary(uniqueKeysWithValues: partitions.map { (String($0.key), $0.value) })
        }
    }

    /// - Parameter what: the name of the values in error messages.
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

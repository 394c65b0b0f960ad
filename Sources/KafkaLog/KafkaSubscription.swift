import Bytes
import CRdKafka
import Foundation

/// The topics that a member of a group subscribes to.
struct KafkaSubscription {
    private static let answerMilliseconds: Int32 = 1000

    let topics: [String]
    /// A POSIX extended regular expression for the whole name of a topic.
    let pattern: String?

    /// As librdkafka takes them: a name that begins with "^" is a regular expression.
    var names: [String] { topics + (pattern.map { ["^(\($0))$"] } ?? []) }

    /// Whether any topic exists: until then a member does not join. True when the brokers do not answer.
    func mayHaveTopics(_ handle: KafkaHandle) -> Bool {
        guard let existing = try? KafkaMetadata.topics(handle, Self.answerMilliseconds) else { return true }
        return matches(existing)
    }

    func matches(_ existing: [String]) -> Bool {
        if existing.contains(where: topics.contains) { return true }
        guard let pattern else { return false }
        var expression = regex_t()
        guard regcomp(&expression, "^(\(pattern))$", REG_EXTENDED | REG_NOSUB) == 0 else { return true }
        defer { regfree(&expression) }
        return existing.contains { regexec(&expression, $0, 0, nil, 0) == 0 }
    }
}

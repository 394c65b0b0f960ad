import Bytes

/// Whether brokers can be reached and topics used, for `weir check` and `weir doctor`.
public enum KafkaBrokerCheck {
    /// Contacts the brokers, and looks every topic up. Blocks for about the time given at most, for each topic.
    ///
    /// Returns what is wrong; nothing when all is well.
    public static func findings(
        _ settings: KafkaSettings,
        topics: [String],
        timeoutMilliseconds: Int = 5000
    ) -> [WeirError] {
        do {
            let log = try KafkaLog(settings, timeoutMilliseconds: timeoutMilliseconds)
            // Nothing can be said about topics while no broker answers.
            _ = try log.topics()
            return topics.compactMap { topic in finding(log, topic) }
        } catch {
            return [error]
        }
    }

    private static func finding(_ log: KafkaLog, _ topic: String) -> WeirError? {
        do {
            guard let first = try log.partitions(of: topic).first else { return nil }
            // Looking a topic up takes fewer rights than reading it.
            _ = try log.offsets(topic: topic, partition: first)
            return nil
        } catch {
            return error
        }
    }
}

import Bytes
import CRdKafka
import Foundation

/// Translates librdkafka errors into a cause and advice for the user.
///
/// librdkafka returns a code per call and, separately, log lines about single brokers. The lines are more specific: a
/// call only reports a timeout, the line the refused connection that caused it.
package enum KafkaFailure {
    /// What librdkafka reported about a broker or a group.
    package struct Note: Sendable, Equatable {
        package let code: rd_kafka_resp_err_t
        package let text: String

        package init(_ code: rd_kafka_resp_err_t, _ text: String) {
            self.code = code
            self.text = text
        }
    }

    /// The error of a call that failed.
    ///
    /// - Parameters:
    ///   - doing: the failed action, to follow "cannot": "list the topics".
    ///   - text: librdkafka's error text; its name for the code when nil.
    ///   - said: recent reports of librdkafka, oldest first; used when the code alone explains nothing.
    package static func error(
        _ code: rd_kafka_resp_err_t,
        _ doing: String,
        text: String? = nil,
        said: [Note] = [],
        at location: String?
    ) -> WeirError {
        let words = text ?? name(code)
        guard isVague(code) else {
            let meaning = meaning(code, words)
            return WeirError(meaning.code, "cannot \(doing): \(meaning.cause)", at: location, advice: meaning.advice)
        }
        guard let note = said.last(where: { !isVague($0.code) || isTelling($0.text) }) else {
            return WeirError(
                .storage,
                "cannot \(doing): no broker answered (\(words))",
                at: location,
                advice: "check bootstrap.servers, that the brokers run, and that this machine may reach them"
            )
        }
        let meaning = meaning(note.code, note.text)
        return WeirError(meaning.code, "cannot \(doing): \(meaning.cause)", at: location, advice: meaning.advice)
    }

    /// Whether the failure is permanent: the broker refuses this client, or the certificate is not accepted.
    package static func isPermanent(_ note: Note) -> Bool {
        switch note.code {
        case RD_KAFKA_RESP_ERR__AUTHENTICATION, RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED,
            RD_KAFKA_RESP_ERR_UNSUPPORTED_SASL_MECHANISM, RD_KAFKA_RESP_ERR_ILLEGAL_SASL_STATE,
            RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED,
            RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED, RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
            RD_KAFKA_RESP_ERR__FATAL, RD_KAFKA_RESP_ERR__FENCED, RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID,
            RD_KAFKA_RESP_ERR_INCONSISTENT_GROUP_PROTOCOL, RD_KAFKA_RESP_ERR_INVALID_GROUP_ID,
            RD_KAFKA_RESP_ERR_INVALID_SESSION_TIMEOUT:
            true
        case RD_KAFKA_RESP_ERR__SSL: note.text.lowercased().contains("certificate")
        default: false
        }
    }

    /// Transient codes: no broker answered, or a leader election is in progress.
    static func isPassing(_ code: rd_kafka_resp_err_t) -> Bool {
        switch code {
        case RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE, RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
            RD_KAFKA_RESP_ERR_NETWORK_EXCEPTION, RD_KAFKA_RESP_ERR_BROKER_NOT_AVAILABLE,
            RD_KAFKA_RESP_ERR_REPLICA_NOT_AVAILABLE, RD_KAFKA_RESP_ERR_KAFKA_STORAGE_ERROR,
            RD_KAFKA_RESP_ERR_UNKNOWN_LEADER_EPOCH, RD_KAFKA_RESP_ERR_FENCED_LEADER_EPOCH,
            RD_KAFKA_RESP_ERR_OFFSET_NOT_AVAILABLE:
            true
        default: isVague(code)
        }
    }

    /// Codes for an unknown topic or partition, from a broker or from a client with stale metadata.
    static func isUnknown(_ code: rd_kafka_resp_err_t) -> Bool {
        switch code {
        case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC,
            RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
            true
        default: false
        }
    }

    /// Whether a broker cannot be reached, as opposed to having closed an idle connection.
    package static func isOutage(_ note: Note) -> Bool {
        // The line starts with the protocol: "sasl_ssl://host:port/1: Disconnected (after … in state UP)".
        let line = note.text.range(of: ": ").map { note.text[$0.upperBound...] } ?? Substring(note.text)
        let lower = line.lowercased()
        if lower.contains("timed out") { return true }
        if lower.contains("in state up") { return false }
        return ["connect to ", "resolve", "ssl", "sasl"].contains { lower.contains($0) }
    }

    /// The cause of a note as text.
    package static func words(_ note: Note) -> String { meaning(note.code, note.text).cause }

    /// librdkafka's text for a code.
    package static func name(_ code: rd_kafka_resp_err_t) -> String { String(cString: rd_kafka_err2str(code)) }

    // MARK: Meanings

    typealias Meaning = (code: WeirError.Code, cause: String, advice: String?)

    /// Codes that only mean that no answer came.
    static func isVague(_ code: rd_kafka_resp_err_t) -> Bool {
        switch code {
        case RD_KAFKA_RESP_ERR__TIMED_OUT, RD_KAFKA_RESP_ERR__TRANSPORT, RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN,
            RD_KAFKA_RESP_ERR__MSG_TIMED_OUT, RD_KAFKA_RESP_ERR__WAIT_COORD, RD_KAFKA_RESP_ERR__TIMED_OUT_QUEUE,
            RD_KAFKA_RESP_ERR__FAIL, RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT:
            true
        default: false
        }
    }

    private static func isTelling(_ text: String) -> Bool {
        ["onnect", "esolve", "imed out", "listener", "SSL", "SASL", "ApiVersion", "route"].contains {
            text.contains($0)
        }
    }

    private static func meaning(_ code: rd_kafka_resp_err_t, _ text: String) -> Meaning {
        connectionMeaning(code, text) ?? accessMeaning(code, text) ?? requestMeaning(code, text)
    }

    private static func accessMeaning(_ code: rd_kafka_resp_err_t, _ text: String) -> Meaning? {
        switch code {
        case RD_KAFKA_RESP_ERR__AUTHENTICATION, RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED,
            RD_KAFKA_RESP_ERR_UNSUPPORTED_SASL_MECHANISM, RD_KAFKA_RESP_ERR_ILLEGAL_SASL_STATE:
            (
                .storage, "\(broker(in: text)) does not accept the login (\(brief(text)))",
                "check sasl.mechanism, sasl.username and sasl.password"
            )
        case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
            (
                .storage, "this user may not use the topic",
                "allow DESCRIBE and READ on it to read, or WRITE to write (kafka-acls)"
            )
        case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
            (.storage, "this user may not use the group", "allow READ on the group (kafka-acls)")
        case RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED:
            (
                .storage, "this user may not use the transactional id",
                "allow DESCRIBE and WRITE on the transactional id (kafka-acls)"
            )
        case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
            (
                .storage, "this user may not do that on the cluster",
                "allow IDEMPOTENT_WRITE to write, or CREATE to create topics (kafka-acls)"
            )
        default: nil
        }
    }

    private static func requestMeaning(_ code: rd_kafka_resp_err_t, _ text: String) -> Meaning {
        switch code {
        case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC,
            RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
            (.notFound, "there is no such topic or partition", "create the topic, or check its name")
        case RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS: (.alreadyExists, "there is a topic of that name already", nil)
        case RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION:
            (.invalid, "that is no name of a topic", "names are of letters, digits, '.', '_' and '-'")
        case RD_KAFKA_RESP_ERR_INVALID_REPLICATION_FACTOR:
            (.invalid, "the cluster has fewer brokers than copies asked for (\(brief(text)))", "ask for fewer replicas")
        case RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID:
            (
                .conflict, "another process has joined the group with the same group.instance.id",
                "give each process a group.instance.id of its own, or none"
            )
        case RD_KAFKA_RESP_ERR__FENCED, RD_KAFKA_RESP_ERR_PRODUCER_FENCED, RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH,
            RD_KAFKA_RESP_ERR_TRANSACTION_COORDINATOR_FENCED:
            (
                .conflict, "another process has taken the transactional id over",
                "it goes on with the partition; if it runs another topology, give that another name or "
                    + "transactional.id.prefix"
            )
        case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE:
            (
                .invalid, "a record is larger than allowed (\(brief(text)))",
                "raise message.max.bytes here, and max.message.bytes of the topic"
            )
        case RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS, RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND,
            RD_KAFKA_RESP_ERR__ISR_INSUFF:
            (.storage, "too few replicas are in sync", "bring the brokers back that are down")
        case RD_KAFKA_RESP_ERR__BAD_MSG, RD_KAFKA_RESP_ERR__BAD_COMPRESSION, RD_KAFKA_RESP_ERR_INVALID_MSG:
            (.corrupt, "a record batch is damaged (\(brief(text)))", nil)
        case RD_KAFKA_RESP_ERR_OFFSET_METADATA_TOO_LARGE:
            (.invalid, "the state is larger than the brokers keep", "raise offset.metadata.max.bytes of the brokers")
        case RD_KAFKA_RESP_ERR_UNSUPPORTED_VERSION, RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE,
            RD_KAFKA_RESP_ERR__NOT_IMPLEMENTED:
            (.unsupported, "the brokers cannot do that (\(brief(text)))", "Kafka 2.5 and later can")
        case RD_KAFKA_RESP_ERR__INVALID_ARG, RD_KAFKA_RESP_ERR_INVALID_CONFIG, RD_KAFKA_RESP_ERR_POLICY_VIOLATION,
            RD_KAFKA_RESP_ERR_INVALID_PARTITIONS, RD_KAFKA_RESP_ERR_INVALID_REQUEST,
            RD_KAFKA_RESP_ERR_INVALID_TRANSACTION_TIMEOUT, RD_KAFKA_RESP_ERR_INVALID_SESSION_TIMEOUT:
            (.invalid, brief(text), nil)
        default: (.storage, brief(text), nil)
        }
    }

    // MARK: Words

    /// The `host:port` a line is about: the text before the first "/" or ": ".
    static func broker(in text: String) -> String {
        // A security protocol may precede it: "sasl_ssl://host:port/1: …".
        var line = Substring(text)
        if let scheme = line.range(of: "://") { line = line[scheme.upperBound...] }
        let head = line.prefix { $0 != "/" && $0 != " " }
        let name = head.hasSuffix(":") ? head.dropLast() : head
        guard let colon = name.lastIndex(of: ":"), Int(name[name.index(after: colon)...]) != nil else {
            return "the broker"
        }
        return "broker \(name)"
    }

    /// A line without the leading broker name and the trailing connection state.
    static func brief(_ text: String) -> String {
        var line = Substring(text)
        if let colon = line.range(of: ": "), broker(in: text) != "the broker" { line = line[colon.upperBound...] }
        if let after = line.range(of: " (after ") { line = line[..<after.lowerBound] }
        return line.hasSuffix(".") ? String(line.dropLast()) : String(line)
    }
}

import Bytes
import CRdKafka

/// Describes failures to reach a broker.
extension KafkaFailure {
    static func connectionMeaning(_ code: rd_kafka_resp_err_t, _ text: String) -> Meaning? {
        let broker = broker(in: text)
        let lower = text.lowercased()
        if let meaning = foreignMeaning(broker, text) { return meaning }
        if code == RD_KAFKA_RESP_ERR__RESOLVE || lower.contains("failed to resolve") {
            return (
                .storage, "the name of \(broker) cannot be resolved",
                "check the spelling in bootstrap.servers and advertised.listeners, and this machine's DNS"
            )
        }
        if code == RD_KAFKA_RESP_ERR__SSL || lower.contains("ssl handshake") || lower.contains("ssl listener")
            || lower.contains("ssl routines") || lower.contains("plaintext broker listener")
        {
            return tlsMeaning(broker, text)
        }
        if lower.contains("apiversionrequest failed") {
            return (
                .unsupported, "\(broker) does not say what it can do (\(brief(text)))",
                "is it a Kafka broker of version 0.10 or later? does a newer librdkafka understand it?"
            )
        }
        if lower.contains("connection refused") {
            return (
                .storage, "\(broker) refused the connection",
                "is the broker running, and does it listen on that port?"
            )
        }
        if lower.contains("connection setup timed out") || lower.contains("no route") || lower.contains("unreachable") {
            return (
                .storage, "\(broker) cannot be reached (\(brief(text)))",
                "check firewalls, and that advertised.listeners names an address this machine can reach"
            )
        }
        // Newer versions of librdkafka report only this when the port requires TLS. A stopping broker looks the same.
        if isVague(code), lower.contains("closed by peer") {
            return (
                .storage, "\(broker) ends the connection (\(brief(text)))",
                "is the broker running, and does that port speak what security.protocol says?"
            )
        }
        return isVague(code) ? (.storage, "\(broker) does not answer (\(brief(text)))", "is the broker running?") : nil
    }

    /// A response in another protocol: librdkafka parses its first bytes as the size of a Kafka response, which is
    /// implausible.
    static func foreignMeaning(_ broker: String, _ text: String) -> Meaning? {
        guard let mark = text.range(of: "Invalid response size "),
            let size = Int(text[mark.upperBound...].prefix { $0 == "-" || $0.isNumber })
        else { return nil }
        let speaks = "\(broker) is no Kafka broker: that port speaks"
        let port = "check the port in bootstrap.servers and advertised.listeners; brokers mostly listen on 9092"
        switch UInt32(truncatingIfNeeded: size) {
        // ASCII "HTTP".
        case 0x4854_5450: return (.storage, "\(speaks) HTTP", port)
        // More than 512 MiB: the first byte is probably a letter.
        case 0x2000_0000...: return (.storage, "\(speaks) another protocol", port)
        default: return (.invalid, "\(broker) sends an answer of \(size) bytes", "raise receive.message.max.bytes")
        }
    }

    static func tlsMeaning(_ broker: String, _ text: String) -> Meaning {
        let lower = text.lowercased()
        if lower.contains("certificate") {
            return (
                .storage, "the TLS certificate of \(broker) is not trusted (\(brief(text)))",
                "give the authority that signed it as ssl.ca.location; for a client certificate also "
                    + "ssl.certificate.location and ssl.key.location"
            )
        }
        let noTLS =
            "set security.protocol to plaintext or sasl_plaintext, or use the port on which the broker speaks TLS"
        if ["wrong version number", "packet length too long", "http request"].contains(where: lower.contains) {
            return (.storage, "\(broker) does not speak TLS on that port", noTLS)
        }
        // A broker closes the connection when it takes the TLS handshake for a damaged request.
        if lower.contains("unexpected eof") || lower.contains("plaintext broker listener") {
            return (.storage, "\(broker) ends the connection when TLS begins: that port speaks none, it seems", noTLS)
        }
        if lower.contains("disconnected while requesting apiversion") {
            return (
                .storage, "\(broker) ends the connection at the first request: that port may speak TLS",
                "set security.protocol to ssl or sasl_ssl if it does; otherwise, is it a Kafka broker's?"
            )
        }
        return (
            .storage, "\(broker) and this client do not agree on TLS (\(brief(text)))",
            "set security.protocol to what that port speaks: plaintext, ssl, sasl_plaintext or sasl_ssl"
        )
    }
}

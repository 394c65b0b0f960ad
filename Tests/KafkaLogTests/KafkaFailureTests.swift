import Bytes
import CRdKafka
import Testing
import WeirTesting

@testable import KafkaLog

/// Error messages for unusable brokers.
@Suite(.mostlyWaits) struct KafkaFailureTests {
    static func settings(_ brokers: String, _ more: [String: String] = [:]) throws -> KafkaSettings {
        try KafkaSettings(properties: more.merging(["bootstrap.servers": brokers]) { $1 })
    }

    @Test func `properties are held against what librdkafka knows`() throws {
        let missing = failure { _ = try KafkaSettings(properties: ["client.id": "x"]) }
        #expect(missing?.code == .invalid)
        #expect(missing?.location == "property bootstrap.servers")
        let unknown = failure { _ = try Self.settings("a:1", ["fetch.min.byte": "1"]) }
        #expect(unknown?.code == .invalid)
        #expect(unknown?.location == "property fetch.min.byte")
        #expect(unknown?.message.contains("No such configuration property") == true, "\(String(describing: unknown))")
        #expect(unknown?.advice == "did you mean 'fetch.min.bytes'?")
        let bad = failure { _ = try Self.settings("a:1", ["session.timeout.ms": "soon"]) }
        #expect(bad?.code == .invalid)
        #expect(bad?.location == "property session.timeout.ms")
        #expect(bad?.message.contains("session.timeout.ms") == true)
        let jaas = failure { _ = try Self.settings("a:1", ["sasl.jaas.config": "x"]) }
        #expect(jaas?.advice == "use sasl.username and sasl.password")
    }

    @Test func `names of the Java clients are understood`() throws {
        let given = ["max.poll.records": "5", "fetch.max.wait.ms": "20", "acks": "all", "auto.offset.reset": "latest"]
        let settings = try Self.settings("a:1", given)
        #expect(settings.properties["fetch.wait.max.ms"] == "20")
        #expect(settings.properties["max.poll.records"] == nil)
        #expect("\(settings)" == "Kafka at a:1")
    }

    @Test func `topics are looked up for reading and for writing`() throws {
        let mock = try MockKafka()
        try mock.createTopic("orders", partitions: 2)
        let check = try KafkaBrokerCheck(try Self.settings(mock.brokers))
        #expect(check.topics == ["orders"])
        #expect(try check.reading("orders", group: "g") == KafkaBrokerCheck.Topic(partitions: 2, records: 0))
        #expect(try check.writing("orders").partitions == 2)
    }

    @Test func `a topic that this user may not use is told`() throws {
        let mock = try MockKafka()
        try mock.createTopic("orders", partitions: 2)
        let check = try KafkaBrokerCheck(try Self.settings(mock.brokers))
        rd_kafka_mock_topic_set_error(mock.cluster, "orders", RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED)
        for refused in [failure { _ = try check.writing("orders") }, failure { _ = try check.reading("orders") }] {
            #expect(refused?.message == "cannot look up topic orders: this user may not use the topic")
            #expect(refused?.advice == "allow DESCRIBE and READ on it to read, or WRITE to write (kafka-acls)")
        }
    }

    @Test func `a broker that is not there is named`() throws {
        let log = try KafkaLog(try Self.settings("127.0.0.1:1"), timeoutMilliseconds: 500)
        let refused = failure { _ = try log.topics() }
        #expect(refused?.code == .storage)
        #expect(
            refused?.message == "cannot list the topics: broker 127.0.0.1:1 refused the connection",
            "\(String(describing: refused))"
        )
        let unknown = try Self.settings("no-such-host.invalid:9092")
        let unresolved = failure { _ = try KafkaBrokerCheck(unknown, timeoutMilliseconds: 2000) }
        #expect(
            unresolved?.message.contains("the name of broker no-such-host.invalid:9092 cannot be resolved") == true,
            "\(String(describing: unresolved))"
        )
    }

    @Test(arguments: [
        (
            RD_KAFKA_RESP_ERR__AUTHENTICATION,
            "sasl_ssl://b1:9093/bootstrap: SASL authentication error: Authentication failed (after 31ms in AUTH)",
            "broker b1:9093 does not accept the login (SASL authentication error: Authentication failed)",
            "sasl.username"
        ),
        (
            RD_KAFKA_RESP_ERR__SSL,
            "ssl://b1:9093/bootstrap: SSL handshake failed: certificate verify failed (after 5ms in SSL)",
            "the TLS certificate of broker b1:9093 is not trusted", "ssl.ca.location"
        ),
        (
            RD_KAFKA_RESP_ERR__TRANSPORT,
            "b1:9093/bootstrap: Disconnected while requesting ApiVersion: might be caused by incorrect "
                + "security.protocol configuration (connecting to a SSL listener?) or broker version is < 0.10",
            "broker b1:9093 ends the connection at the first request: that port may speak TLS", "security.protocol"
        ),
        (
            RD_KAFKA_RESP_ERR__TRANSPORT,
            "b1:9093/bootstrap: Disconnected: connection closed by peer: receive 0 after POLLIN (after 2ms in state UP)",
            "broker b1:9093 ends the connection (Disconnected: connection closed by peer: receive 0 after POLLIN)",
            "security.protocol"
        ),
        (
            RD_KAFKA_RESP_ERR__SSL,
            "ssl://b1:9093/bootstrap: SSL handshake failed: error:0A000126:SSL routines::unexpected eof while reading "
                + "(after 1ms in state SSL_HANDSHAKE)",
            "broker b1:9093 ends the connection when TLS begins: that port speaks none, it seems",
            "set security.protocol to plaintext or sasl_plaintext"
        ),
        (
            RD_KAFKA_RESP_ERR__SSL,
            "ssl://b1:9093/bootstrap: SSL handshake failed: error:0A00042E:SSL routines::tlsv1 alert protocol version: "
                + "SSL alert number 70 (after 5ms in state SSL_HANDSHAKE)",
            "broker b1:9093 and this client do not agree on TLS", "security.protocol"
        ),
        (
            RD_KAFKA_RESP_ERR__TRANSPORT,
            "b1:9092/bootstrap: Connection setup timed out in state CONNECT (after 30000ms in state CONNECT)",
            "broker b1:9092 cannot be reached", "advertised.listeners"
        ),
    ])
    func `a call without an answer is told by what the brokers said`(
        _ code: rd_kafka_resp_err_t,
        _ text: String,
        _ message: String,
        _ advice: String
    ) {
        let down = KafkaFailure.Note(RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN, "1/1 brokers are down")
        let said = [KafkaFailure.Note(code, text), down]
        let error = KafkaFailure.error(RD_KAFKA_RESP_ERR__TIMED_OUT, "list the topics", said: said, at: "b1:9092")
        #expect(error.code == .storage)
        #expect(error.message.hasPrefix("cannot list the topics: \(message)"), "\(error)")
        #expect(error.advice?.contains(advice) == true, "\(error)")
    }

    private static let web = "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"

    /// `$` stands for the address. When a port closes the connection, the detail available depends on timing and on
    /// librdkafka's version.
    @Test(arguments: [
        (
            web, "plaintext", "broker $ is no Kafka broker: that port speaks HTTP",
            "check the port in bootstrap.servers"
        ),
        (
            "SSH-2.0-OpenSSH_9.2p1\r\n", "plaintext", "broker $ is no Kafka broker: that port speaks another protocol",
            "check the port in bootstrap.servers"
        ),
        (
            "", "plaintext", "broker $ ends the connection", "security.protocol"
        ),
        (
            web, "ssl", "broker $ does not speak TLS on that port",
            "set security.protocol to plaintext or sasl_plaintext"
        ),
        ("", "ssl", "broker $ ends the connection", "security.protocol"),
    ])
    func `a port that speaks something else is told in words`(
        _ answer: String,
        _ protocol: String,
        _ message: String,
        _ advice: String
    ) throws {
        let listener = try LoopbackListener(answer: answer)
        let settings = try Self.settings(listener.address, ["security.protocol": `protocol`])
        let error = withExtendedLifetime(listener) {
            failure { _ = try KafkaBrokerCheck(settings, timeoutMilliseconds: 2000) }
        }
        let expected = message.replacing("$", with: listener.address)
        #expect(
            error?.message.hasPrefix("cannot list the topics: \(expected)") == true,
            "\(String(describing: error))"
        )
        #expect(error?.advice?.contains(advice) == true, "\(String(describing: error))")
    }

    @Test func `an answer that is only large is told as such`() {
        let text =
            "b1:9092/1: Receive failed: Invalid response size 104857601 (0..100000000): increase "
            + "receive.message.max.bytes"
        let error = KafkaFailure.error(RD_KAFKA_RESP_ERR__BAD_MSG, "read", text: text, at: nil)
        #expect(error.message == "cannot read: broker b1:9092 sends an answer of 104857601 bytes")
        #expect(error.advice == "raise receive.message.max.bytes")
        #expect(error.code == .invalid)
    }

    @Test(arguments: ["", " \t"])
    func `a group needs a name`(_ group: String) {
        let error = failure { _ = try Self.settings("a:1", ["group.id": group]) }
        #expect(error?.message == "the consumer group has no name: group.id is empty")
        #expect(error?.location == "property group.id")
    }

    @Test func `an address that librdkafka would bend is refused`() {
        let error = failure { _ = try Self.settings("a:9092,b:99999") }
        #expect(error?.message == "'b:99999' is no address of a broker: '99999' is no port")
        #expect(error?.location == "property bootstrap.servers")
    }

    @Test func `refusals are told by their code, and are not waited for`() {
        let topic = KafkaFailure.error(RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, "read topic a", at: nil)
        #expect(topic.message == "cannot read topic a: this user may not use the topic")
        #expect(topic.advice?.contains("READ") == true)
        let fenced = KafkaFailure.error(RD_KAFKA_RESP_ERR__FENCED, "append", at: nil)
        #expect(fenced.code == .conflict)
        #expect(fenced.message == "cannot append: another process has taken the transactional id over")
        #expect(fenced.advice?.contains("transactional.id.prefix") == true)
        let member = KafkaFailure.error(RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID, "read", at: nil)
        #expect(member.code == .conflict && member.advice?.contains("group.instance.id") == true, "\(member)")
        #expect(KafkaFailure.isPermanent(KafkaFailure.Note(RD_KAFKA_RESP_ERR__AUTHENTICATION, "no")))
        #expect(!KafkaFailure.isPermanent(KafkaFailure.Note(RD_KAFKA_RESP_ERR__TRANSPORT, "refused")))
        #expect(!KafkaFailure.isPermanent(KafkaFailure.Note(RD_KAFKA_RESP_ERR__SSL, "connection closed")))
    }

    @Test func `an idle connection that is closed is no outage`() {
        func isOutage(_ text: String) -> Bool {
            KafkaFailure.isOutage(KafkaFailure.Note(RD_KAFKA_RESP_ERR__TRANSPORT, text))
        }
        #expect(!isOutage("sasl_ssl://b:9092/14: Disconnected (after 34529063ms in state UP)"))
        #expect(!isOutage("ssl://b:9092/1: Disconnected: SSL connection closed by peer (after 600000ms in state UP)"))
        #expect(!isOutage("b:9092/1: Disconnected (after 600000ms in state UP)"))
        #expect(isOutage("b:9092/1: 3 request(s) timed out: disconnect (after 61000ms in state UP)"))
        #expect(isOutage("b:9092/bootstrap: Connect to ipv4#127.0.0.1:9092 failed: Connection refused (after 0ms)"))
        #expect(isOutage("ssl://b:9092/1: SSL handshake failed: unexpected message (after 2ms in state SSL_HANDSHAKE)"))
        #expect(
            isOutage("b:9092/1: Failed to resolve 'b:9092': Name or service not known (after 3ms in state CONNECT)")
        )
    }
}

import Bytes
import Testing

@Suite struct BootstrapServersTests {
    @Test(arguments: [
        ("broker-1:9092", ["broker-1:9092"]),
        ("Broker_1", ["broker_1:9092"]),
        (" a:1 , SASL_SSL://b.example.org:65535,", ["a:1", "b.example.org:65535"]),
        ("[::1]:9093, fe80::1%2, [fe80::2]", ["[::1]:9093", "fe80::1%2:9092", "[fe80::2]:9092"]),
    ])
    func `addresses are told apart whatever way they are written`(_ text: String, _ addresses: [String]) throws {
        #expect(try BootstrapServers(text).addresses == Set(addresses))
    }

    @Test(arguments: [
        ("a:99999", "'a:99999' is no address of a broker: '99999' is no port"),
        ("a:0", "'a:0' is no address of a broker: '0' is no port"),
        ("ok:1,a:", "'a:' is no address of a broker: '' is no port"),
        ("a:+1", "'a:+1' is no address of a broker: '+1' is no port"),
        ("a:9092/path", "'a:9092/path' is no address of a broker: '9092/path' is no port"),
        (":9092", "':9092' is no address of a broker: it names no host"),
        ("ssl://", "'ssl://' is no address of a broker: it names no host"),
        ("a b:1", "'a b:1' is no address of a broker: 'a b' is no name of a host"),
        ("host:9092:9093", "'host:9092:9093' is no address of a broker: 'host:9092:9093' is no name of a host"),
        ("http://a:1", "'http://a:1' is no address of a broker: Kafka is not reached over 'http://'"),
        ("://a:1", "'://a:1' is no address of a broker: Kafka is not reached over '://'"),
        (" , ", "no brokers are given"),
    ])
    func `what is no address is refused`(_ text: String, _ message: String) {
        let error = #expect(throws: WeirError.self) { _ = try BootstrapServers(text) }
        #expect(error?.code == .invalid)
        #expect(error?.message == message)
        #expect(error?.advice != nil)
    }

    @Test func `clusters are the same where an address is`() throws {
        let brokers = try BootstrapServers("a:1,b:9092")
        #expect(brokers.overlaps(try BootstrapServers("c:3,PLAINTEXT://B")))
        #expect(!brokers.overlaps(try BootstrapServers("a:2,c:1")))
    }
}

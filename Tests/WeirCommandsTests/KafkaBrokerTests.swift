import Foundation
import Testing
import WeirTesting

/// Checks the broker behaviour that other tests rely on.
@Suite(.serialized, .mostlyWaits, .hangGuard, .enabled(if: KafkaBroker.isAvailable, "no Kafka broker is installed"))
struct KafkaBrokerTests {
    @Test(arguments: KafkaBroker.Kind.allCases)
    func `a broker takes and gives records`(kind: KafkaBroker.Kind) throws {
        try withTemporaryFolder { folder in
            let broker = try KafkaBroker(kind, folder: folder)
            try broker.create("t", partitions: 2)
            try broker.produce([("a", "1"), ("a", nil), (nil, "no key")], to: "t", partition: 1)
            try broker.produce([("b", "committed")], to: "t", partition: 1, transaction: .committed)
            try broker.produce([("c", "left open")], to: "t", partition: 0, transaction: .leftOpen)
            let records = try broker.consume("t", readsCommitted: true)
            #expect(records.map(\.partition) == [1, 1, 1, 1] && records.map(\.offset) == [0, 1, 2, 3])
            #expect(records.map(\.keyText) == ["a", "a", nil, "b"])
            #expect(records.map(\.valueText) == ["1", nil, "no key", "committed"])
            #expect(try broker.consume("t", count: 5).count == 5)
            #expect(try broker.committed(group: "g", topic: "t") == [:])
            broker.pause()
            broker.resume()
            #expect(try broker.consume("t").count == 5)
            try broker.kill9()
            try broker.start()
            try broker.restart()
        }
    }

    @Test func `noida keeps records over a restart and hides aborted ones`() throws {
        try withTemporaryFolder { folder in
            let broker = try KafkaBroker(.noida, folder: folder)
            try broker.create("t")
            try broker.produce([("a", "1")], to: "t")
            try broker.produce([("a", "aborted")], to: "t", transaction: .aborted)
            try broker.restart()
            try broker.produce([("a", "2")], to: "t")
            #expect(try broker.consume("t", readsCommitted: true).map(\.valueText) == ["1", "2"])
            #expect(try broker.consume("t").map(\.valueText) == ["1", "aborted", "2"])
        }
    }
}

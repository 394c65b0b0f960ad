import Bytes
import EventLog
import ObjectStorage
import StreamRuntime
import Testing
import Topology
import WeirTesting

@testable import WeirCommands

/// Errors of a second process of the same topology.
@Suite struct TopologyLockTests {
    private static func yaml(_ source: String) -> String {
        """
        name: shop
        source: { name: s, \(source), topics: [orders], format: debezium-json }
        tables:
          - name: shop.orders
            columns: { id: long }
            primary-key: [id]
            properties: { log-store.enabled: "True", log-store.type: file, log-store.topic: orders.log }
        sink: { type: mixed-iceberg }
        """
    }

    private func refusal(_ source: String, _ folder: String) throws -> WeirError? {
        let (topology, problems) = Topology.check(yaml: Self.yaml(source), overrides: [])
        let warehouse = folder + "/warehouse"
        let locations = try WarehouseOptions.parse(["--warehouse", warehouse]).locations()
        // A run looks for its topics before anything else.
        let log = try locations.log()
        if !(try log.topics().contains("orders")) { try log.createTopic("orders", partitions: 1) }
        let lock = try TopologyLock(topology: "shop", warehouse: warehouse, files: LocalFileSystem())
        return try withExtendedLifetime(lock) {
            let topology = try #require(topology, "\(problems)")
            return #expect(throws: WeirError.self) {
                _ = try TopologyRunner(topology, locations, log: RunLog(isQuiet: true))
            }
        }
    }

    @Test func `a LogStore in the file log keeps a topology to one process`() throws {
        try withTemporaryFolder { folder in
            let error = try refusal("type: kafka, properties.bootstrap.servers: '127.0.0.1:1'", folder)
            #expect(error?.code == .locked)
            #expect(
                error?.message.hasSuffix(
                    "; it cannot be shared, since the LogStore of shop.orders is the topic 'orders.log' of the file log, "
                        + "which one process writes"
                ) == true,
                "\(String(describing: error))"
            )
            #expect(error?.advice == "stop that process, or put the LogStore on a broker with log-store.type: kafka")
            // A file log as a source can be read by one process only, whatever the LogStore.
            let file = try refusal("type: file-log", folder)
            #expect(file?.code == .locked && file?.message.contains("LogStore") == false)
        }
    }
}

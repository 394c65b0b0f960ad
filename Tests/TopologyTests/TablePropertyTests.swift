import Testing
import Topology

/// Checks of table properties.
@Suite struct TablePropertyTests {
    private static func found(_ property: String) throws -> [String] {
        try problems("base.file-index.hash-bucket: 4", property)
    }

    @Test(arguments: [
        (
            "self-optimizing.minor.trigger.file-count: banana",
            "'banana' is no value of 'self-optimizing.minor.trigger.file-count'; write a whole number above zero"
        ),
        (
            "self-optimizing.minor.triger.file-count: 12",
            "unknown table property 'self-optimizing.minor.triger.file-count'; did you mean 'self-optimizing.minor.trigger.file-count'?"
        ),
        ("log-store.topc: t", "unknown table property 'log-store.topc'; did you mean 'log-store.topic'?"),
        ("log-store.colour: t", "unknown table property 'log-store.colour'; known are log-store.address"),
        ("base.file-index.hash-buckets: 4", "did you mean 'base.file-index.hash-bucket'?"),
        ("write.target-file-sise-bytes: 1", "did you mean 'write.target-file-size-bytes'?"),
        ("write.target_file_size.bytes: 1", "did you mean 'write.target-file-size-bytes'?"),
        ("base.file-index.hash-bucket: 8192", "'8192' is no value of 'base.file-index.hash-bucket'"),
        ("write.metadata.metrics.column.at: some", "write none, counts, full or truncate(N), such as truncate(16)"),
        ("commit.retry.num-retries: -1", "write a whole number from 0"),
        ("gc.enabled: perhaps", "'perhaps' is no value of 'gc.enabled'; write true or false"),
        ("write.delete.mode: merge-on-reed", "did you mean 'merge-on-read'?"),
        ("optimized-sequence.registration: both", "'both' is no value of 'optimized-sequence.registration'"),
        ("change.data.ttl.minutes: 0", "'0' is no value of 'change.data.ttl.minutes'; write a whole number above zero"),
        ("table-format: MIXED_ICEBERG", "table property 'table-format' belongs to the format and cannot be set"),
        ("weir.positions.shop: x", "table property 'weir.positions.shop' belongs to the format and cannot be set"),
    ])
    func `refuses`(property: String, message: String) throws {
        let found = try Self.found(property)
        #expect(found.count == 1, "\(found)")
        #expect(found.first?.contains(": error: ") == true, "\(found)")
        #expect(found.first?.contains(message) == true, "\(found)")
    }

    @Test(arguments: [
        ("foo.bar: 1", "warning: 'foo.bar' is not a property that weir or Iceberg knows"),
        ("owner: me", "warning: 'owner' is not a property that weir or Iceberg knows"),
        ("table-trash.enabled: true", "warning: table property 'table-trash.enabled' has no effect"),
        (
            "self-optimizing.group: night",
            "warning: table property 'self-optimizing.group' has no effect: weir keeps it for Amoro and does not act on it yet; runs move changes into base by themselves, and 'weir optimize' rewrites it"
        ),
        (
            "log.consumer.changelog.modes: append-only",
            "warning: table property 'log.consumer.changelog.modes' has no effect"
        ),
        (
            "write.parquet.compression-codec: snappy",
            "note: table property 'write.parquet.compression-codec' is kept for other engines; weir does not act on it"
        ),
    ])
    func `tells of`(property: String, message: String) throws {
        let found = try Self.found(property)
        #expect(found.count == 1, "\(found)")
        #expect(found.first?.contains(message) == true, "\(found)")
    }

    @Test(arguments: [
        "write.target-file-size-bytes: 1048576", "gc.enabled: FALSE", "write.metadata.metrics.column.at: truncate(4)",
        "commit.retry.num-retries: 0", "write.metadata.metrics.default: none", "log-store.data-version: v1",
        "mixed-format.emit.auto-write-to-logstore.watermark-gap: 10 min",
    ])
    func `takes`(property: String) throws {
        #expect(try Self.found(property) == [])
    }
}

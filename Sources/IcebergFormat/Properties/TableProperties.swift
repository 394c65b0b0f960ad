/// All known table properties. The checks, the messages and the manual are derived from this list.
public enum TableProperties {
    /// In the order they have in the manual.
    public static let all: [TableProperty] = acting + optimizing + maintenance + format + amoro + engines

    /// The property with this name. An exact match takes precedence over a wildcard.
    public static func property(named name: String) -> TableProperty? {
        exact[name] ?? patterns.first { $0.matches(name) }
    }

    static let exact = Dictionary(all.filter { $0.prefix == nil }.map { ($0.name, $0) }) { first, _ in first }
    static let patterns = all.filter { $0.prefix != nil }

    private static let positive = PropertyValues.whole(1...Int64.max)
    private static let natural = PropertyValues.whole(0...Int64.max)

    /// Properties that Weir acts on.
    private static let acting: [TableProperty] = [
        TableProperty(
            "format-version",
            .choice(["2", "3"]),
            "2",
            "Iceberg's version of a new table; 3 has deletion vectors and row ids. `weir table alter` upgrades an existing one."
        ),
        TableProperty(
            "write.target-file-size-bytes",
            positive,
            "134217728",
            "Size at which a writer begins another data file."
        ),
        TableProperty(
            "change.file-index.hash-bucket",
            .powerOfTwo(4096),
            "4",
            "Parts of the key hash that each partition of the change store is split into; files never cross them."
        ),
        TableProperty(
            "base.file-index.hash-bucket",
            .powerOfTwo(4096),
            "4",
            "The same for the base store."
        ),
        TableProperty(
            "base.refresh-interval",
            .whole(-1...Int64.max),
            "-1",
            "Milliseconds between two moves of a keyed table's changes into its base store; with -1 or 0 after each commit."
        ),
        TableProperty(
            "self-optimizing.enabled",
            .flag,
            "true",
            "Whether runs and `weir optimize --watch` optimize the table by themselves, and whether Amoro does. Once Amoro has, runs move changes into base only with `false`."
        ),
        TableProperty(
            "optimized-sequence.registration",
            .choice(["property", "statistics"]),
            "property",
            "How the map of merged changes is registered: so that PyIceberg opens the table, or as Amoro writes it."
        ),
        TableProperty(
            "write.data.path",
            .text,
            "`data` in the table's location",
            "Folder of new data files."
        ),
        TableProperty(
            "write.metadata.path",
            .text,
            "`metadata` in the table's location",
            "Folder of new metadata files, manifests and manifest lists."
        ),
        TableProperty(
            "write.metadata.previous-versions-max",
            positive,
            "100",
            "Earlier metadata files that the table remembers; beyond that it forgets the oldest eighth."
        ),
        TableProperty(
            "write.metadata.delete-after-commit.enabled",
            .flag,
            "true in tables that Weir creates, false in others",
            "Whether commits delete metadata files that are no longer remembered."
        ),
        TableProperty(
            "write.metadata.metrics.default",
            .metrics,
            "truncate(16)",
            "Statistics that manifests keep of each column: scans skip files by them."
        ),
        TableProperty(
            "write.metadata.metrics.column.*",
            .metrics,
            "the default",
            "The same for the column named behind it."
        ),
        TableProperty(
            "write.metadata.metrics.max-inferred-column-defaults",
            natural,
            "100",
            "Columns, from the first, that have statistics where `write.metadata.metrics.default` is not set."
        ),
        TableProperty(
            "commit.retry.num-retries",
            natural,
            "4",
            "Attempts after a commit that another writer overtook. A run counts none: it goes on until the time is over."
        ),
        TableProperty(
            "commit.retry.min-wait-ms",
            natural,
            "100",
            "Wait before the second attempt; it doubles each time."
        ),
        TableProperty(
            "commit.retry.max-wait-ms",
            natural,
            "60000",
            "Longest wait between attempts; a run waits a quarter of a second at most."
        ),
        TableProperty("commit.retry.total-timeout-ms", natural, "1800000", "Time after which a commit gives up."),
        TableProperty(
            "table-expire.enabled",
            .flag,
            "true in Mixed tables, false in others",
            "Whether commits that add a snapshot expire others, and `weir expire` what else is over."
        ),
        TableProperty("snapshot.keep.duration", .duration, "720min", "Age at which snapshots expire."),
        TableProperty(
            "snapshot.keep.min-count",
            .whole(1...Int64(Int32.max)),
            "1",
            "Snapshots of each branch that stay whatever their age."
        ),
        TableProperty(
            "snapshot.keep.max-count",
            .whole(1...Int64(Int32.max)),
            "200",
            "Snapshots of each branch that stay at most, whatever their age; a property of Weir's own."
        ),
        TableProperty(
            "snapshot.keep.flink.checkpoint-retention",
            .duration,
            "7d",
            "How long the last checkpoint that a Flink job has committed is remembered."
        ),
        TableProperty(
            "history.expire.max-snapshot-age-ms",
            positive,
            nil,
            "Iceberg's `snapshot.keep.duration`, which comes before it."
        ),
        TableProperty(
            "history.expire.min-snapshots-to-keep",
            .whole(1...Int64(Int32.max)),
            nil,
            "Iceberg's `snapshot.keep.min-count`, which comes before it."
        ),
        TableProperty(
            "history.expire.max-ref-age-ms",
            positive,
            nil,
            "Age at which branches and tags expire; main never does."
        ),
        TableProperty("commit.manifest-merge.enabled", .flag, "true", "Whether commits join small manifests."),
        TableProperty("commit.manifest.target-size-bytes", positive, "8388608", "Size that manifests are joined to."),
        TableProperty(
            "commit.manifest.min-count-to-merge",
            positive,
            "10",
            "Manifests of about the same size from which on a commit joins them. In Iceberg's Java library 100, whatever their size."
        ),
        TableProperty(
            "gc.enabled",
            .flag,
            "true",
            "With `false`, nothing expires and no file is deleted, by `weir table drop --purge` either, since others may use them."
        ),
        TableProperty(
            "schema.name-mapping.default",
            .text,
            nil,
            "Iceberg's JSON that gives field ids to columns of data files without them."
        ),
        TableProperty("log-store.enabled", .flag, "false", isFixed: true, "Whether the table has a LogStore."),
        TableProperty(
            "log-store.type",
            .choice(["kafka", "file"]),
            "kafka",
            isFixed: true,
            "Where the LogStore is: on Kafka, or a topic of the file log."
        ),
        TableProperty(
            "log-store.address",
            .text,
            "of type `file`: the warehouse's log",
            "`host:port` of the brokers, or the file log's folder."
        ),
        TableProperty(
            "log-store.topic",
            .text,
            nil,
            isFixed: true,
            "The topic, which must exist on a broker; a run creates one of the file log."
        ),
        TableProperty(
            "log-store.data-format",
            .choice(["json", "columnar"]),
            "json",
            isFixed: true,
            "`json`, which Amoro's readers know, or `columnar`, which is faster and for Weir's readers alone."
        ),
        TableProperty("log-store.data-version", .text, "v1", isFixed: true, "Kept for Amoro's readers."),
        TableProperty(
            "log-store.consistency-guarantee.enabled",
            .flag,
            "true for Weir's readers, false for Amoro's",
            "Whether readers take back rows that were never committed."
        ),
        TableProperty(
            "log-store.consistency-guarantee.enable",
            .flag,
            nil,
            "An older name of `log-store.consistency-guarantee.enabled`, which comes before it."
        ),
        TableProperty(
            "properties.*",
            .text,
            "librdkafka's",
            "Settings of the LogStore's Kafka client. `${env:NAME}` and `${file:PATH}` are kept as they are and filled in by readers."
        ),
        TableProperty(
            "mixed-format.emit.mode",
            .emitMode,
            "auto",
            "Where a run writes: files, the LogStore, or both. `auto` writes files, and the LogStore where there is one."
        ),
        TableProperty(
            "mixed-format.emit.auto-write-to-logstore.watermark-gap",
            .duration,
            nil,
            "With `auto`: the LogStore begins once the sources' records are no older than that; at once without it."
        ),
    ]

    /// Properties that Weir writes itself.
    private static let format: [TableProperty] = [
        TableProperty("table-format", .text, nil, effect: .format, "Marks a Mixed table: `MIXED_ICEBERG`."),
        TableProperty(
            "mixed-format.table-store",
            .text,
            nil,
            effect: .format,
            "Which of the two stores it is: `base` or `change`."
        ),
        TableProperty("mixed-format.primary-key-fields", .text, nil, effect: .format, "Columns of the primary key."),
        TableProperty("mixed-format.change.identifier", .text, nil, effect: .format, "Name of the change store."),
        TableProperty("table.create-timestamp", .text, nil, effect: .format, "Milliseconds since 1970."),
        TableProperty(
            "table.partition-properties",
            .text,
            nil,
            effect: .format,
            "Which changes the base store has, by partition, for readers that do not know Puffin files."
        ),
        TableProperty(
            "log-store.catch-up",
            .text,
            nil,
            effect: .format,
            "Whether the LogStore of mode `auto` has begun."
        ),
        TableProperty(
            "log-store.catch-up-timestamp",
            .text,
            nil,
            effect: .format,
            "When it began, in milliseconds since 1970."
        ),
        TableProperty(
            "weir.*",
            .text,
            nil,
            effect: .format,
            "What runs need to go on: `weir.positions.`, `weir.last-records.`, `weir.position-routes.`, `weir.source-units.`, "
                + "`weir.claims.`, `weir.own-commits.` and `weir.former-names.` with a topology's name, `weir.log-store.` with a writer's. "
                + "`weir.expired-commits` is what readers of changes need of commits whose snapshots have expired. "
                + "`weir.expired-base-commits` is the same for those who hold rows of base. "
                + "`weir.consumer.` with a consumer's name is how far it has read. "
                + "`weir.base-held-until` is the time until which runs leave base to an optimize."
        ),
    ]
}

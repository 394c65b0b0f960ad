extension TableProperties {
    /// Properties that are stored for Amoro's writers in Flink and Spark, and for Iceberg's engines.
    static let engines: [TableProperty] = [
        other(
            "base.write.format",
            fileFormat,
            "parquet",
            "File format of Amoro's writers of the base store. Weir writes Parquet."
        ),
        other("change.write.format", fileFormat, "parquet", "The same for the change store."),
        other("table.event-time-field", .text, "_ingest_time", "Column that Amoro takes the watermark from."),
        other("table.watermark-allowed-lateness-second", count, "0", "Seconds that the watermark lags by."),
        other(
            "table.event-time-field.datetime-string-format",
            .text,
            "yyyy-MM-dd HH:mm:ss",
            "Form of that column, where it is text."
        ),
        other(
            "table.event-time-field.datetime-number-format",
            .choice(["TIMESTAMP_MS", "TIMESTAMP_S"]),
            "TIMESTAMP_MS",
            "What it counts, where it is a number."
        ),
        other("watermark.table", .text, nil, "The watermark that Amoro's writers keep. Weir leaves it as it is."),
        other("watermark.base", .text, nil, "The base store's."),
        other("mixed-format.read.mode", .choice(["file", "log"]), "file", "What Amoro's readers in Flink begin with."),
        other("dim-table.enabled", .flag, "false", "Whether Flink reads the table as a dimension."),
        other("write.format.default", fileFormat, "parquet", "File format of other engines. Weir writes Parquet."),
        other("write.delete.format.default", fileFormat, "parquet", "File format of their delete files."),
        other(
            "write.parquet.compression-codec",
            .choice(["zstd", "snappy", "gzip", "lz4", "brotli", "uncompressed"]),
            "zstd",
            "Compression of their data files. Weir's have zstd."
        ),
        other("write.parquet.compression-level", .text, nil, "Its level. Weir's is 1."),
        other("write.parquet.row-group-size-bytes", positive, "134217728", "Bytes of their row groups."),
        other("write.parquet.page-size-bytes", positive, "1048576", "Bytes of their pages."),
        other("write.parquet.page-row-limit", positive, "20000", "Rows of their pages."),
        other("write.parquet.dict-size-bytes", positive, "2097152", "Bytes of their dictionaries."),
        other(
            "write.parquet.row-group-check-min-record-count",
            positive,
            "100",
            "When they look at a row group's size."
        ),
        other("write.parquet.row-group-check-max-record-count", positive, "10000", "The same."),
        other(
            "write.parquet.bloom-filter-enabled.column.*",
            .flag,
            nil,
            "Whether they write a bloom filter for the column."
        ),
        other("write.parquet.bloom-filter-max-bytes", positive, "1048576", "Size of their bloom filters."),
        other("write.parquet.bloom-filter-fpp.column.*", .number(0...1), "0.01", "How often one of them may be wrong."),
        other("write.delete.parquet.*", .text, nil, "Layout of their delete files."),
        other("write.avro.*", .text, nil, "Layout of their Avro files."),
        other("write.orc.*", .text, nil, "Layout of their ORC files."),
        other("write.delete.avro.*", .text, nil, "Layout of their delete files in Avro."),
        other("write.delete.orc.*", .text, nil, "Layout of their delete files in ORC."),
        other("write.delete.target-file-size-bytes", positive, "67108864", "Bytes of their delete files."),
        other(
            "write.metadata.compression-codec",
            .choice(["none", "gzip"]),
            "none",
            "Compression of their metadata files. Weir reads both and writes plain ones."
        ),
        other(
            "write.distribution-mode",
            .choice(["none", "hash", "range"]),
            "hash",
            "How Flink and Spark spread rows over writers."
        ),
        other(
            "write.distribution.hash-mode",
            .choice(["primary-key", "partition-key", "primary-partition-key", "auto", "none"]),
            "auto",
            "What Amoro's writers hash."
        ),
        other("write.delete.distribution-mode", .choice(["none", "hash", "range"]), "hash", "The same for deletes."),
        other("write.update.distribution-mode", .choice(["none", "hash", "range"]), "hash", "The same for updates."),
        other("write.merge.distribution-mode", .choice(["none", "hash", "range"]), "hash", "The same for merges."),
        other("write.delete.mode", mode, "copy-on-write", "How Spark deletes."),
        other("write.update.mode", mode, "copy-on-write", "How Spark updates."),
        other("write.merge.mode", mode, "copy-on-write", "How Spark merges."),
        other("write.delete.isolation-level", isolation, "serializable", "What Spark's deletes see."),
        other("write.update.isolation-level", isolation, "serializable", "What Spark's updates see."),
        other("write.merge.isolation-level", isolation, "serializable", "What Spark's merges see."),
        other(
            "write.delete.granularity",
            .choice(["partition", "file"]),
            "partition",
            "What one of their delete files covers."
        ),
        other("write.wap.enabled", .flag, "false", "Whether Spark stages commits."),
        other("write.summary.partition-limit", count, "0", "Partitions that a snapshot's summary names."),
        other("write.object-storage.enabled", .flag, "false", "Whether they spread data files over hashed folders."),
        other("write.object-storage.partitioned-paths", .flag, "true", "Whether such folders name partitions."),
        other("write.object-storage.path", .text, nil, "An older name of `write.data.path`."),
        other("write.folder-storage.path", .text, nil, "An older name of `write.data.path`."),
        other("write.location-provider.impl", .text, nil, "Class that names their files."),
        other("write.manifest-lists.enabled", .flag, "true", "Whether they write manifest lists."),
        other("write.spark.fanout.enabled", .flag, "false", "Whether Spark keeps a file of each partition open."),
        other("write.spark.accept-any-schema", .flag, "false", "Whether Spark takes other columns."),
        other("write.spark.advisory-partition-size-bytes", positive, nil, "Bytes that Spark hands a writer."),
        other("read.split.target-size", positive, "134217728", "Bytes of a part of a scan."),
        other("read.split.metadata-target-size", positive, "33554432", "The same for metadata."),
        other("read.split.planning-lookback", positive, "10", "Files that are looked at to fill a part."),
        other("read.split.open-file-cost", count, "4194304", "Bytes that opening a file counts as."),
        other("read.split.adaptive-size.enabled", .flag, "true", "Whether parts grow with the table."),
        other("read.parquet.vectorization.enabled", .flag, "true", "Whether Spark reads Parquet in batches."),
        other("read.parquet.vectorization.batch-size", positive, "5000", "Rows of such a batch."),
        other("read.orc.vectorization.enabled", .flag, "false", "Whether Spark reads ORC in batches."),
        other("read.orc.vectorization.batch-size", positive, "5000", "Rows of such a batch."),
        other("read.data-planning-mode", planning, "auto", "Where Spark plans a scan."),
        other("read.delete-planning-mode", planning, "auto", "Where Spark plans deletes."),
        other(
            "commit.status-check.num-retries",
            count,
            "3",
            "Looks at a commit whose outcome is not known. Weir looks until it knows, or says so."
        ),
        other("commit.status-check.min-wait-ms", count, "1000", "Wait before the second look."),
        other("commit.status-check.max-wait-ms", count, "60000", "Longest wait between looks."),
        other("commit.status-check.total-timeout-ms", count, "1800000", "Time after which they give up."),
        other(
            "compatibility.snapshot-id-inheritance.enabled",
            .flag,
            "false",
            "Whether version 1 tables inherit snapshot ids."
        ),
        other(
            "encryption.*",
            .text,
            nil,
            "Encryption by other engines. Weir neither writes nor reads encrypted files."
        ),
        other(
            "flink.max-continuous-empty-commits",
            count,
            "2147483647 in tables that Weir creates",
            "Empty checkpoints after which Flink commits all the same."
        ),
        other("engine.hive.enabled", .flag, "false", "Whether Hive may read the table."),
        other("engine.hive.lock-enabled", .flag, "true", "Whether Hive's lock is taken."),
        other("lookup.*", .text, nil, "Flink's cache of dimensions."),
        other("rocksdb.*", .text, nil, "The same."),
        other("optimize.*", .text, nil, "Earlier names of `self-optimizing.*`."),
    ]

    private static let positive = PropertyValues.whole(1...Int64.max)
    private static let count = PropertyValues.whole(0...Int64.max)
    private static let fileFormat = PropertyValues.choice(["parquet", "orc", "avro"])
    private static let mode = PropertyValues.choice(["copy-on-write", "merge-on-read"])
    private static let isolation = PropertyValues.choice(["serializable", "snapshot"])
    private static let planning = PropertyValues.choice(["auto", "local", "distributed"])

    private static func other(_ name: String, _ values: PropertyValues, _ fallback: String?, _ text: String)
        -> TableProperty
    {
        TableProperty(name, values, fallback, effect: .others, text)
    }
}

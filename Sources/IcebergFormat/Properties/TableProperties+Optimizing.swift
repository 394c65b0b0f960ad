/// Properties of self-optimizing (Mixed format, "Self-optimizing") that Weir acts on.
extension TableProperties {
    private static let positive = PropertyValues.whole(1...Int64.max)
    private static let time = PropertyValues.whole(-1...Int64.max)

    static let optimizing: [TableProperty] = [
        TableProperty(
            "self-optimizing.quota",
            .number(0...Double.infinity),
            "0.5",
            "Threads that optimize the table; up to 1 the share of the processors, rounded up."
        ),
        TableProperty(
            "self-optimizing.execute.num-retries",
            .whole(0...1000),
            "5",
            "Attempts in a row that others may make vain before optimizing gives up for now."
        ),
        TableProperty("self-optimizing.target-size", positive, "134217728", "Bytes of an optimized file."),
        TableProperty("self-optimizing.max-file-count", positive, "10000", "Files that one plan rewrites at most."),
        TableProperty(
            "self-optimizing.max-task-size-bytes",
            positive,
            "134217728",
            "Bytes of files that are merged into one, if that is more than the target."
        ),
        TableProperty(
            "self-optimizing.fragment-ratio",
            positive,
            "8",
            "Files of up to the target size divided by this are fragments."
        ),
        TableProperty(
            "self-optimizing.min-target-size-ratio",
            .number(0...1),
            "0.75",
            "Files below this share of the target size are undersized."
        ),
        TableProperty(
            "self-optimizing.minor.trigger.file-count",
            positive,
            "12",
            "Fragments and equality-delete files of a partition from which they are merged."
        ),
        TableProperty(
            "self-optimizing.minor.trigger.interval",
            time,
            "3600000",
            "Milliseconds after which fewer of them are merged; -1 for never."
        ),
        TableProperty(
            "self-optimizing.major.trigger.duplicate-ratio",
            .number(0...1),
            "0.1",
            "Share of deleted rows above which a file is rewritten."
        ),
        TableProperty(
            "self-optimizing.full.trigger.interval",
            time,
            "-1",
            "Milliseconds between full rewrites; -1 for never."
        ),
        TableProperty(
            "self-optimizing.full.rewrite-all-files",
            .flag,
            "true",
            "Whether a full rewrite by interval includes files that are as they should be."
        ),
        TableProperty(
            "self-optimizing.min-plan-interval",
            .whole(0...Int64.max),
            "10000 in runs, 60000 otherwise",
            "Milliseconds between two looks at the table."
        ),
    ]
}

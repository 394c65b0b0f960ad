extension TableProperties {
    /// Amoro's properties that Weir does not act on yet.
    static let amoro: [TableProperty] = optimizing + services

    private static let optimizing: [TableProperty] = [
        amoro("self-optimizing.group", .text, "default", "Optimizers that work on the table."),
        amoro("self-optimizing.quota", .number(0...Double.infinity), "0.5", "Share of the group, or threads."),
        amoro("self-optimizing.execute.num-retries", count, "5", "Attempts after a failed task."),
        amoro("self-optimizing.target-size", positive, "134217728", "Bytes of an optimized file."),
        amoro("self-optimizing.max-file-count", positive, "10000", "Files of one optimizing process."),
        amoro("self-optimizing.max-task-size-bytes", positive, "134217728", "Bytes of one task."),
        amoro("self-optimizing.fragment-ratio", positive, "8", "Files below the target divided by this are fragments."),
        amoro(
            "self-optimizing.min-target-size-ratio",
            .number(0...1),
            "0.75",
            "Files below that share are undersized."
        ),
        amoro("self-optimizing.minor.trigger.file-count", positive, "12", "Fragments that begin a minor optimizing."),
        amoro("self-optimizing.minor.trigger.interval", time, "3600000", "Milliseconds between minor optimizings."),
        amoro(
            "self-optimizing.major.trigger.duplicate-ratio",
            .number(0...1),
            "0.1",
            "Deleted share that begins a major one."
        ),
        amoro(
            "self-optimizing.full.trigger.interval",
            time,
            "-1",
            "Milliseconds between full optimizings; -1 is never."
        ),
        amoro(
            "self-optimizing.full.rewrite-all-files",
            .flag,
            "true",
            "Whether a full optimizing rewrites every file."
        ),
        amoro("self-optimizing.min-plan-interval", time, "60000", "Milliseconds between two plans."),
        amoro("self-optimizing.filter", .text, nil, "Condition on the partitions that are optimized."),
        amoro(
            "self-optimizing.allow-partial-commit",
            .flag,
            "false",
            "Whether finished tasks of a failed process are committed."
        ),
        amoro(
            "self-optimizing.evaluation.fallback-interval",
            time,
            "-1",
            "Milliseconds after which a table is evaluated whole."
        ),
        amoro("self-optimizing.evaluation.file-size.mse-tolerance", time, "0", "Spread of file sizes that is let be."),
        amoro(
            "self-optimizing.refresh-table.adaptive.max-interval-ms",
            time,
            "0",
            "Longest wait between looks at an idle table."
        ),
        amoro(
            "self-optimizing.refresh-table.adaptive.increase-step-ms",
            time,
            "30000",
            "How much that wait grows by."
        ),
    ]

    private static let services: [TableProperty] = [
        amoro("table-trash.enabled", .flag, "false", "Whether deleted files go to a trash folder."),
        amoro("table-trash.file-pattern", .text, nil, "Which files do."),
        amoro("write.upsert.enabled", .flag, "false", "Whether Amoro's writers turn inserts into upserts."),
        amoro(
            "log.consumer.changelog.modes",
            .choice(["all-kinds", "append-only"]),
            "all-kinds; append-only without a key",
            "Kinds of change that Amoro's readers of the LogStore pass on. Weir's pass on all."
        ),
    ]

    private static let positive = PropertyValues.whole(1...Int64.max)
    private static let count = PropertyValues.whole(0...Int64.max)
    private static let time = PropertyValues.whole(-1...Int64.max)

    private static func amoro(_ name: String, _ values: PropertyValues, _ fallback: String?, _ text: String)
        -> TableProperty
    {
        TableProperty(name, values, fallback, effect: .notYet, text)
    }
}

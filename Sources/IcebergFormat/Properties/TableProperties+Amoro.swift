extension TableProperties {
    /// Amoro's properties that Weir does not act on yet.
    static let amoro: [TableProperty] = optimizingByAmoro + services

    private static let optimizingByAmoro: [TableProperty] = [
        amoro("self-optimizing.group", .text, "default", "Optimizers that work on the table."),
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

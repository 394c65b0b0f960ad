extension TableProperties {
    /// Properties of maintenance that Weir acts on: of what a table does not need any more, of old rows, and of tags.
    static let maintenance: [TableProperty] = [
        TableProperty(
            "change.data.ttl.minutes",
            positive,
            "10080",
            "Age at which change files leave the change store whose changes are in base; `weir expire` removes them."
        ),
        TableProperty(
            "table-expire.quarantine-minutes",
            positive,
            "60",
            "How long files that nothing needs stand in quarantine before they are deleted; a property of Weir's own."
        ),
        TableProperty(
            "clean-orphan-file.enabled",
            .flag,
            "false",
            "Whether `weir expire` also deletes files of which nothing shows that they were ever part of the table. `weir clean` does whatever it says."
        ),
        TableProperty(
            "clean-orphan-file.min-existing-time-minutes",
            positive,
            "2880",
            "How old such files must be: until then they may be part of a commit in the making."
        ),
        TableProperty(
            "clean-dangling-delete-files.enabled",
            .flag,
            "true in Mixed tables, false in others",
            "Whether delete files are removed that apply to no data file."
        ),
        TableProperty("data-expire.enabled", .flag, "false", "Whether rows expire by their age."),
        TableProperty(
            "data-expire.field",
            .text,
            nil,
            "Column that tells a row's age: a timestamp, date, long or string."
        ),
        TableProperty("data-expire.retention-time", .duration, nil, "Age at which rows expire."),
        TableProperty(
            "data-expire.level",
            .choice(["partition", "file"]),
            "partition",
            "What is removed at a time: partitions whose files are all old, or single files."
        ),
        TableProperty(
            "data-expire.base-on-rule",
            .choice(["LAST_COMMIT_TIME", "CURRENT_TIME"]),
            "LAST_COMMIT_TIME",
            "What age is counted from: the last commit that wrote rows, or now."
        ),
        TableProperty(
            "data-expire.datetime-string-pattern",
            .text,
            "yyyy-MM-dd",
            "Form of the column, where it is text: from the year on, each part with all its digits."
        ),
        TableProperty(
            "data-expire.datetime-number-format",
            .choice(["TIMESTAMP_MS", "TIMESTAMP_S"]),
            "TIMESTAMP_MS",
            "What it counts, where it is a number."
        ),
        TableProperty("tag.auto-create.enabled", .flag, "false", "Whether the table gets a tag for each period."),
        TableProperty(
            "tag.auto-create.trigger.period",
            .choice(["daily", "hourly", "monthly"]),
            "daily",
            "The period. A tag is named by the one that has ended, and is at the first snapshot after it."
        ),
        TableProperty("tag.auto-create.trigger.offset.minutes", count, "0", "Minutes by which a period ends later."),
        TableProperty(
            "tag.auto-create.trigger.max-delay.minutes",
            count,
            "60",
            "Minutes after the end within which that snapshot must come, or there is no tag."
        ),
        TableProperty("tag.auto-create.max-age-ms", time, "-1", "How long a tag stays; -1 is for ever."),
        TableProperty(
            "tag.auto-create.tag-format",
            .text,
            "'tag-'yyyyMMdd, with HH for hours, without dd for months",
            "Name of a tag."
        ),
    ]

    private static let positive = PropertyValues.whole(1...Int64.max)
    private static let count = PropertyValues.whole(0...Int64.max)
    private static let time = PropertyValues.whole(-1...Int64.max)
}

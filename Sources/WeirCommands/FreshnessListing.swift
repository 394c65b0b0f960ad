import Bytes
import MixedTables

/// The stages of a table's newest commits: how long each takes as a rule, and when the last commit reached it.
struct FreshnessListing {
    private(set) var stages = Listing("stage", "median_ms", "newest_ms", "at")
    private let visibleAfter: Int64?
    private let backlog: Freshness.Backlog?
    private let now: Int64

    init(_ freshness: Freshness, now: Int64) {
        let (newest, medians) = (freshness.commits.last, freshness.medians)
        let last = newest?.durations ?? [:]
        for stage in FreshnessStage.allCases {
            let time: Int64? =
                switch stage {
                case .read: newest?.times?.read
                case .decoded: newest?.times?.decoded
                case .cut: newest?.times?.cut
                case .committed: newest?.committed
                case .inBase: newest?.inBase
                }
            stages.add(
                .string(stage.rawValue),
                .optional(medians[stage]),
                .optional(last[stage]),
                .optional(time.map { TimeText.text($0) })
            )
        }
        visibleAfter = newest?.visibleAfter
        backlog = freshness.backlog
        self.now = now
    }

    func add(to properties: inout Properties) {
        properties.set("visible_after_ms", .optional(visibleAfter))
        properties.set("commits_not_in_base", .optional(backlog.map { Int64($0.commits) }))
        properties.set("base_behind_ms", .optional(backlog?.oldest.map { Freshness.span(from: $0, to: now) }))
        properties.set("freshness", .array(stages.objects))
    }
}

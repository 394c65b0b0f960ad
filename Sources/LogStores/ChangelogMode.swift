/// Which changes a reader of a log store passes on: the property `log.consumer.changelog.modes`.
public enum ChangelogMode: String, Sendable, CaseIterable {
    case allKinds = "all-kinds"
    /// Everything that is not an insert is left out.
    case appendOnly = "append-only"
}

import IcebergFormat

/// How long the snapshots of a table are kept, from its properties.
///
/// Amoro's properties come before Iceberg's, and a value that is none of theirs gives the default.
public struct SnapshotRetention: Sendable, Equatable {
    /// Whether commits expire snapshots at all.
    public var isEnabled: Bool
    /// Age from which snapshots expire.
    public var ageMs: Int64
    /// Snapshots of each branch that are kept whatever their age.
    public var countMin: Int
    /// Snapshots of each branch that are kept at most.
    public var countMax: Int
    /// Age from which branches and tags expire, other than main.
    public var referenceAgeMs: Int64
    /// How long what a Flink job noted in its last commit is kept, so that it does not commit a checkpoint again.
    public var flinkAgeMs: Int64
    /// Properties with values that cannot be used, in the order they are read.
    public private(set) var refused: [String] = []

    public static let countMaxProperty = "snapshot.keep.max-count"
    /// Of each branch. Bounds what a commit writes: every snapshot is a kilobyte of metadata.
    public static let defaultCountMax = 200
    public static let defaultAgeMs: Int64 = 720 * 60_000
    public static let defaultFlinkAgeMs: Int64 = 7 * 86_400_000

    public init(
        isEnabled: Bool = true,
        ageMs: Int64 = defaultAgeMs,
        countMin: Int = 1,
        countMax: Int = defaultCountMax,
        referenceAgeMs: Int64 = .max,
        flinkAgeMs: Int64 = defaultFlinkAgeMs
    ) {
        self.isEnabled = isEnabled
        self.ageMs = ageMs
        self.countMin = countMin
        self.countMax = countMax
        self.referenceAgeMs = referenceAgeMs
        self.flinkAgeMs = flinkAgeMs
    }

    public init(_ properties: [String: String]) {
        self.init()
        // Tables of others expire when their owner says so.
        let isMixed = properties["table-format"]?.lowercased().hasPrefix("mixed") ?? false
        isEnabled = read("table-expire.enabled", properties, Self.flag) ?? isMixed
        if read("gc.enabled", properties, Self.flag) == false { isEnabled = false }
        ageMs =
            read("snapshot.keep.duration", properties, FlinkDuration.milliseconds)
            ?? read("history.expire.max-snapshot-age-ms", properties, Self.positive) ?? ageMs
        countMin =
            read("snapshot.keep.min-count", properties, Self.count)
            ?? read("history.expire.min-snapshots-to-keep", properties, Self.count) ?? countMin
        countMax = max(countMin, read(Self.countMaxProperty, properties, Self.count) ?? countMax)
        referenceAgeMs = read("history.expire.max-ref-age-ms", properties, Self.positive) ?? referenceAgeMs
        flinkAgeMs =
            read("snapshot.keep.flink.checkpoint-retention", properties, FlinkDuration.milliseconds) ?? flinkAgeMs
    }

    private mutating func read<Value>(
        _ name: String,
        _ properties: [String: String],
        _ parse: (String) -> Value?
    ) -> Value? {
        guard let text = properties[name] else { return nil }
        if let value = parse(text) { return value }
        refused.append(name)
        return nil
    }

    private static func flag(_ text: String) -> Bool? { ["true": true, "false": false][text.lowercased()] }
    private static func positive(_ text: String) -> Int64? { Int64(text).flatMap { $0 > 0 ? $0 : nil } }
    private static func count(_ text: String) -> Int? { positive(text).flatMap { Int32(exactly: $0) }.map(Int.init) }
}

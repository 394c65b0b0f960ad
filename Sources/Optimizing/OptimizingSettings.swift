/// When and how a table is optimized, from its properties (spec section 10.1).
///
/// Names begin with `self-optimizing.`; the older prefix `optimize.` is read where it is the only one. A value that cannot
/// be used gives the default.
public struct OptimizingSettings: Sendable, Equatable {
    public var isEnabled = true
    /// Threads if above 1, otherwise the share of the cores.
    public var quota = 0.5
    public var retries = 5
    /// Bytes of a file that is neither small nor large.
    public var targetBytes: Int64 = 134_217_728
    /// Files that one plan reads at most.
    public var filesMax = 10_000
    /// Bytes of the files that one task merges.
    public var taskBytes: Int64 = 134_217_728
    /// Files of up to a target size divided by this are fragments.
    public var fragmentRatio: Int64 = 8
    /// Files below this share of the target size are undersized.
    public var leastTargetRatio = 0.75
    /// Fragments of a partition from which it is due.
    public var minorFiles = 12
    /// Milliseconds after which a partition with fewer fragments is due; negative for never.
    public var minorInterval: Int64 = 3_600_000
    /// The share of deleted rows from which a file is written anew.
    public var deletedRatio = 0.1
    /// Milliseconds between full rewrites; negative for never.
    public var fullInterval: Int64 = -1
    /// Whether a full rewrite includes files that are as they should be.
    public var fullRewritesAll = true
    /// Milliseconds between two plans.
    public var planInterval: Int64 = 60_000
    /// Properties with values that cannot be used.
    public private(set) var refused: [String] = []

    /// No file is larger.
    private static let largestBytes: Int64 = 1 << 50

    public init() {}

    public init(_ properties: [String: String]) {
        var reader = Reader(properties: properties)
        isEnabled = reader.read("enabled") { ["true": true, "false": false][$0.lowercased()] } ?? isEnabled
        quota = reader.read("quota") { Double($0).flatMap { $0 > 0 && $0.isFinite ? $0 : nil } } ?? quota
        retries = reader.read("execute.num-retries") { Int($0).flatMap { 0...1000 ~= $0 ? $0 : nil } } ?? retries
        targetBytes = min(reader.read("target-size", Self.positive) ?? targetBytes, Self.largestBytes)
        filesMax = reader.read("max-file-count", Self.positive).map { Int(clamping: $0) } ?? filesMax
        taskBytes = min(reader.read("max-task-size-bytes", Self.positive) ?? taskBytes, Self.largestBytes)
        fragmentRatio = reader.read("fragment-ratio", Self.positive) ?? fragmentRatio
        leastTargetRatio = reader.read("min-target-size-ratio", Self.ratio) ?? leastTargetRatio
        minorFiles = reader.read("minor.trigger.file-count", Self.positive).map { Int(clamping: $0) } ?? minorFiles
        minorInterval = reader.read("minor.trigger.interval") { Int64($0) } ?? minorInterval
        deletedRatio = reader.read("major.trigger.duplicate-ratio", Self.ratio) ?? deletedRatio
        fullInterval = reader.read("full.trigger.interval") { Int64($0) } ?? fullInterval
        fullRewritesAll =
            reader.read("full.rewrite-all-files") { ["true": true, "false": false][$0.lowercased()] } ?? fullRewritesAll
        planInterval = reader.read("min-plan-interval") { Int64($0).flatMap { $0 >= 0 ? $0 : nil } } ?? planInterval
        refused = reader.refused
    }

    /// Files up to this size are fragments.
    public var fragmentBytes: Int64 { targetBytes / max(1, fragmentRatio) }
    /// Larger files are as large as they should be.
    public var leastBytes: Int64 { Int64(Double(targetBytes) * leastTargetRatio) }

    /// Threads that may work on a table.
    public func threads(cores: Int) -> Int {
        let wanted = quota > 1 ? quota : (quota * Double(max(1, cores))).rounded(.up)
        return Int(min(max(1, wanted), Double(max(1, cores))))
    }

    private static func positive(_ text: String) -> Int64? { Int64(text).flatMap { $0 > 0 ? $0 : nil } }
    private static func ratio(_ text: String) -> Double? { Double(text).flatMap { 0...1 ~= $0 ? $0 : nil } }

    private struct Reader {
        let properties: [String: String]
        var refused: [String] = []

        mutating func read<Value>(_ name: String, _ parse: (String) -> Value?) -> Value? {
            for prefix in ["self-optimizing.", "optimize."] {
                guard let text = properties[prefix + name] else { continue }
                if let value = parse(text) { return value }
                refused.append(prefix + name)
                return nil
            }
            return nil
        }
    }
}

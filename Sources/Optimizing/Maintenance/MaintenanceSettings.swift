import IcebergFormat
import Values

/// What the properties of a table say of its maintenance (spec section 10.8), without data expiry and tags.
public struct MaintenanceSettings: Sendable, Equatable {
    /// Age from which change files go whose changes are in base.
    public let changeAgeMs: Int64
    /// Whether files of snapshots that have expired are deleted.
    public let deletesExpired: Bool
    /// Whether files are deleted of which nothing shows that they were ever part of the table.
    public let deletesOrphans: Bool
    /// Age from which those are taken for lost: until then they may be part of a commit to come.
    public let orphanAgeMs: Int64
    /// How long files stand in quarantine before they are deleted: readers may be at work that have found them before.
    public let quarantineMs: Int64
    /// Whether delete files are removed that apply to no data file.
    public let cleansDanglingDeletes: Bool
    /// False where files may belong to others too: nothing is ever deleted then.
    public let mayDelete: Bool
    /// Whether the properties are those of a Mixed table. Other tables are looked after only where they say so.
    public let isMixed: Bool
    /// Properties with values that cannot be used.
    public let refused: [String]

    public static let quarantineProperty = "table-expire.quarantine-minutes"
    public static let defaultQuarantineMinutes: Int64 = 60

    public init(_ properties: [String: String]) {
        var reader = PropertyReader(properties)
        changeAgeMs = reader.minutes("change.data.ttl.minutes") ?? 10_080 * 60_000
        isMixed = properties["table-format"]?.lowercased().hasPrefix("mixed") ?? false
        mayDelete = reader.flag("gc.enabled") ?? true
        deletesExpired = (reader.flag("table-expire.enabled") ?? isMixed) && mayDelete
        deletesOrphans = (reader.flag("clean-orphan-file.enabled") ?? false) && mayDelete
        orphanAgeMs = reader.minutes("clean-orphan-file.min-existing-time-minutes") ?? 2880 * 60_000
        quarantineMs = reader.minutes(Self.quarantineProperty) ?? Self.defaultQuarantineMinutes * 60_000
        cleansDanglingDeletes = reader.flag("clean-dangling-delete-files.enabled") ?? isMixed
        refused = reader.refused
    }
}

/// Reads properties of several kinds, and notes those that have no value of theirs.
struct PropertyReader {
    private let properties: [String: String]
    private(set) var refused: [String] = []

    init(_ properties: [String: String]) { self.properties = properties }

    mutating func value<Value>(_ name: String, _ parse: (String) -> Value?) -> Value? {
        guard let text = properties[name] else { return nil }
        if let value = parse(text) { return value }
        refused.append(name)
        return nil
    }

    mutating func flag(_ name: String) -> Bool? {
        value(name) { text in ["true": true, "false": false][text.lowercased()] }
    }

    /// Of whole minutes above zero, in milliseconds.
    mutating func minutes(_ name: String) -> Int64? {
        value(name) { text in
            Int64(text).flatMap { $0 > 0 ? $0.multipliedReportingOverflow(by: 60_000) : nil }
                .map { $0.overflow ? .max : $0.partialValue }
        }
    }

    mutating func long(_ name: String) -> Int64? { value(name) { Int64($0) } }
    mutating func duration(_ name: String) -> Int64? { value(name, FlinkDuration.milliseconds) }
    mutating func text(_ name: String) -> String? { value(name) { $0 } }
}

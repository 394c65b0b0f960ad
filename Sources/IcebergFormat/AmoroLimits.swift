import Columnar

/// Layouts of keyed tables that Amoro handles incorrectly when it optimizes them or reads them merged (spec sections
/// 4.5 and 12). Weir itself, and engines that read only the base store, support all of them.
public enum AmoroLimits {
    /// The defect for a partition value, as the end of a sentence that names the value; nil if there is none.
    public static func defect(of transform: Transform, on type: FieldType) -> String? {
        switch (transform, type) {
        case (.year, _): "changes the name of a year at each rewrite and shows rows twice"
        case (.identity, .binary), (.identity, .fixed), (.truncate, .binary), (.truncate, .fixed):
            "never finds a partition of bytes again, and its next commit fails"
        case (.identity, .time): "cannot read partitions of times after an optimize"
        default: nil
        }
    }

    /// The defect for two partition values of one column.
    public static let repeatedColumn = "cannot read a table with two partition values of one column after an optimize"

    /// The defect for a column of the primary key; nil if there is none.
    public static func defect(ofKey type: FieldType) -> String? {
        if case .fixed = type { return "loses deletes of keys of type \(type)" }
        return nil
    }

    /// All defects that affect a keyed table, one sentence each.
    public static func warnings(_ spec: PartitionSpec, _ schema: Schema, primaryKey: [String]) -> [String] {
        var warnings: [String] = []
        var columns: Set<Int> = []
        for field in spec.fields {
            guard let column = schema.field(id: field.sourceId) else { continue }
            if let defect = defect(of: field.transform, on: column.type) {
                warnings.append("partition \(field.name): Amoro \(defect)")
            }
            if !columns.insert(field.sourceId).inserted {
                warnings.append("partition \(field.name): Amoro \(repeatedColumn)")
            }
        }
        for name in primaryKey {
            guard let column = schema.field(named: name), let defect = defect(ofKey: column.type) else { continue }
            warnings.append("primary key column \(name): Amoro \(defect)")
        }
        return warnings
    }
}

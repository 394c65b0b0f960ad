import Columnar

/// How the names of record members are compared with those of columns: exactly, or ignoring the case of ASCII letters.
public enum ColumnSpelling {
    /// Whether two names differ, but only in case.
    public static func differsInCaseAlone(_ name: String, _ other: String) -> Bool {
        name != other && folded(name) == folded(other)
    }

    /// The columns of a table that only their exact name matches, because another column differs from them in case alone.
    public static func exactColumns(of schema: Schema) -> Set<String> {
        let spellings = Dictionary(grouping: Set(schema.fields.map(\.name)), by: folded)
        return Set(spellings.values.filter { $0.count > 1 }.joined())
    }

    private static func folded(_ name: String) -> [UInt8] {
        name.utf8.map { (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) ? $0 | 0x20 : $0 }
    }
}

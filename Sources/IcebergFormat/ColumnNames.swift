import Bytes

/// Checks for column names that files cannot contain or that other engines cannot handle.
public enum ColumnNames {
    /// The reason a column cannot have this name; nil if it can.
    public static func refusal(_ name: String) -> String? {
        if name.allSatisfy(\.isWhitespace) { return "a column needs a name" }
        if name == "_file_offset" { return "'\(name)' is the name of a column that the files of changes have besides" }
        return nil
    }

    /// The problems that other engines have with a table's column names, one sentence each.
    public static func warnings(_ names: [String]) -> [(name: String, text: String)] {
        var first: [String: String] = [:]
        var warnings: [(name: String, text: String)] = []
        for name in names {
            if let other = first.updateValue(name, forKey: name.lowercased()) {
                let text =
                    "columns '\(other)' and '\(name)' differ in case alone: engines that do not tell cases apart, such as Spark, "
                    + "cannot read the table"
                warnings.append((name, text))
            }
            if name.contains(".") {
                warnings.append(
                    (name, "column '\(name)' has a dot, which other engines take for a field inside a column")
                )
            }
        }
        return warnings
    }
}

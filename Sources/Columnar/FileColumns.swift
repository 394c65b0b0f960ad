/// How the columns of a table are found in one data file, and the values of those that the file lacks (Iceberg spec,
/// "Column Projection").
///
/// Columns are found by field id. A file in which no column has an id is matched by names instead.
public struct FileColumns: Sendable, Equatable {
    /// The names of each field in files without ids, by field id. Nil: the requested name is used.
    public var names: [Int: [String]]?
    /// The value of every row of a column that the file lacks, by field id; null for the others.
    public var substitutes: [Int: Scalar]

    public init(names: [Int: [String]]? = nil, substitutes: [Int: Scalar] = [:]) {
        self.names = names
        self.substitutes = substitutes
    }

    /// Field ids from here on belong to columns that formats define, whose names never change: Iceberg reserves those
    /// above 2,147,483,447, Mixed tables some below.
    static let firstReservedField = 2_147_482_000
}

/// Finds the columns of a file for a table's fields.
struct FileColumnLookup {
    enum Match {
        case column(ParquetColumn)
        /// The file lacks the column; every row has this value.
        case absent(Scalar)
        /// The file has no ids and the name of the field is unknown.
        case unknown
    }

    private let columns: [ParquetColumn]
    private let known: FileColumns
    private let usesNames: Bool

    init(_ columns: [ParquetColumn], _ known: FileColumns) {
        self.columns = columns
        self.known = known
        usesNames = columns.allSatisfy { $0.fieldID < 0 }
    }

    /// - Parameter name: the field's own name; nil when the caller does not know it.
    func match(field id: Int, name: String?) -> Match {
        let found: ParquetColumn?
        if !usesNames {
            found = columns.first { $0.fieldID == id }
        } else if let names = known.names, id < FileColumns.firstReservedField {
            let mapped = names[id] ?? []
            found = columns.first { mapped.contains($0.name) }
        } else if let name {
            found = columns.first { $0.name == name }
        } else {
            return .unknown
        }
        return found.map { .column($0) } ?? .absent(known.substitutes[id] ?? .null)
    }
}

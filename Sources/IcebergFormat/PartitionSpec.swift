import Bytes
import Columnar

/// A value by which the files of a table are partitioned.
public struct PartitionField: Hashable, Sendable {
    /// Field id of the column.
    public let sourceId: Int
    /// Field id of the partition value, 1000 and up.
    public let id: Int
    public let name: String
    public let transform: Transform
    /// The columns after the first one. Only version 3 transforms have them, and none of those is supported.
    var otherSourceIds: [Int] = []

    public init(sourceId: Int, id: Int, name: String, transform: Transform) {
        self.sourceId = sourceId
        self.id = id
        self.name = name
        self.transform = transform
    }

    /// Parses the form in topology files, `day(created_at)`, `bucket(16, id)`, `country`, against a schema.
    ///
    /// The name follows Java: `created_at_day`, `id_bucket`, `name_trunc`, `country`.
    public init(parsing text: String, schema: Schema, id: Int = 1000) throws(WeirError) {
        let (transform, column) = try Self.split(text)
        guard let field = schema.field(named: column) else {
            throw WeirError(
                .notFound,
                "there is no column '\(column)' to partition by",
                at: text,
                advice: NearestName.advice(for: column, among: schema.fields.map(\.name))
            )
        }
        guard transform.resultType(for: field.type) != nil else {
            throw WeirError(.invalid, "column '\(column)' of type \(field.type) does not take \(transform)", at: text)
        }
        guard transform.fitsAllResults(of: field.type) else {
            throw WeirError(
                .invalid,
                "multiples of \(transform) below the least value of '\(column)' do not fit \(field.type)",
                at: text,
                advice: "use a smaller width, or a column of more digits"
            )
        }
        let suffix =
            switch transform {
            case .identity, .other: ""
            case .bucket: "_bucket"
            case .truncate: "_trunc"
            case .void: "_null"
            case .year, .month, .day, .hour: "_\(transform)"
            }
        self.init(sourceId: field.id, id: id, name: column + suffix, transform: transform)
    }

    private static func split(_ text: String) throws(WeirError) -> (Transform, column: String) {
        let trimmed = text.trimmed
        guard let open = trimmed.firstIndex(of: "(") else { return (.identity, trimmed) }
        let advice = "use a column, or identity, year, month, day, hour, bucket(N, column), truncate(W, column)"
        guard trimmed.hasSuffix(")") else { throw WeirError(.invalid, "a closing ')' is missing", at: text) }
        let verb = String(trimmed[..<open]).trimmed.lowercased()
        let arguments = trimmed[trimmed.index(after: open)...].dropLast()
            .split(separator: ",", omittingEmptySubsequences: false).map { String($0).trimmed }
        // Both orders are in use: `bucket(16, id)` and `bucket(id, 16)`.
        let width = arguments.compactMap { Int32($0) }.first
        let columns = arguments.filter { Int32($0) == nil }
        guard columns.count == 1, let column = columns.first, !column.isEmpty else {
            throw WeirError(.invalid, "a transform takes one column", at: text, advice: advice)
        }
        switch (verb, arguments.count, width) {
        case ("bucket", 2, let width?) where width > 0: return (.bucket(Int(width)), column)
        case ("truncate", 2, let width?) where width > 0: return (.truncate(Int(width)), column)
        case ("identity", 1, _): return (.identity, column)
        case ("year", 1, _), ("years", 1, _): return (.year, column)
        case ("month", 1, _), ("months", 1, _): return (.month, column)
        case ("day", 1, _), ("days", 1, _): return (.day, column)
        case ("hour", 1, _), ("hours", 1, _): return (.hour, column)
        case ("void", 1, _): return (.void, column)
        default: throw WeirError(.invalid, "'\(text)' is not a partition transform", at: text, advice: advice)
        }
    }
}

extension String {
    fileprivate var trimmed: String {
        String(drop { $0 == " " || $0 == "\t" }.reversed().drop { $0 == " " || $0 == "\t" }.reversed())
    }
}

/// How the files of a table are partitioned.
public struct PartitionSpec: Hashable, Sendable {
    public let id: Int
    public let fields: [PartitionField]

    public init(id: Int = 0, fields: [PartitionField] = []) {
        self.id = id
        self.fields = fields
    }

    public static let unpartitioned = PartitionSpec()

    /// Parses fields in the form of topology files, numbering them from 1000.
    public init(parsing texts: [String], schema: Schema) throws(WeirError) {
        var fields: [PartitionField] = []
        for text in texts {
            let field = try PartitionField(parsing: text, schema: schema, id: 1000 + fields.count)
            guard !fields.contains(where: { $0.name == field.name }) else {
                throw WeirError(.invalid, "the table is partitioned twice by '\(field.name)'", at: text)
            }
            fields.append(field)
        }
        self.init(fields: fields)
    }

    /// Whether another spec has the same fields, whatever their ids.
    func partitionsLike(_ other: PartitionSpec) -> Bool {
        fields.count == other.fields.count
            && zip(fields, other.fields).allSatisfy {
                $0.sourceId == $1.sourceId && $0.otherSourceIds == $1.otherSourceIds && $0.name == $1.name
                    && $0.transform == $1.transform
            }
    }

    /// The partition values as columns, in the order of the fields.
    ///
    /// A value whose column was dropped from the schema keeps its position. Its type is `int`, or `string` for
    /// transforms that keep the column's type.
    public func partitionType(_ schema: Schema) -> Schema {
        Schema(
            fields.map { field in
                let source = schema.nestedField(id: field.sourceId)?.type
                let type = source.flatMap { field.transform.resultType(for: $0) } ?? field.transform.fallbackType
                return Field(id: field.id, name: field.name, type: type)
            }
        )
    }

    /// Whether every value has a type that manifests can store. The types are unknown for transforms of later format
    /// versions, and where a column's own type is needed and no schema has the column any more.
    ///
    /// - Parameter schema: the source columns.
    public func hasKnownTypes(_ schema: Schema) -> Bool {
        fields.allSatisfy { field in
            let source = schema.nestedField(id: field.sourceId)?.type
            let type = source.flatMap { field.transform.resultType(for: $0) } ?? field.transform.resultType
            if case .other = type { return false }
            return type != nil
        }
    }

    /// The directory of a partition below the data directory: `dt=2024-01-02/id_bucket=3`; empty if unpartitioned.
    public func path(for values: [Scalar]) -> String {
        zip(fields, values).map { field, value in
            Self.escape(field.name) + "=" + Self.escape(field.transform.humanText(value))
        }.joined(separator: "/")
    }

    /// `application/x-www-form-urlencoded`, as Java's URLEncoder writes it.
    static func escape(_ text: String) -> String {
        var bytes: [UInt8] = []
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "*"),
                UInt8(ascii: "_"):
                bytes.append(byte)
            case UInt8(ascii: " "): bytes.append(UInt8(ascii: "+"))
            default:
                bytes.append(UInt8(ascii: "%"))
                bytes.append(contentsOf: Hex.encode([byte]).uppercased().utf8)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}

extension Transform {
    /// The type of the transformed values if it is the same for every source type. `void` has only nulls, so any type
    /// serves.
    fileprivate var resultType: FieldType? {
        switch self {
        case .bucket, .year, .month, .hour: .int
        case .day: .date
        case .void: .string
        case .identity, .truncate, .other: nil
        }
    }

    /// The type that is assumed if the source column is unknown.
    fileprivate var fallbackType: FieldType {
        if case .other(let name) = self { .other(name) } else { resultType ?? .string }
    }
}

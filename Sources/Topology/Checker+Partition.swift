import Bytes
import Columnar
import IcebergFormat

extension Checker {
    private static let transforms = ["identity", "bucket", "truncate", "year", "month", "day", "hour"]

    /// The partition fields of a table, on columns of its stored schema.
    mutating func partitions(_ texts: [Located], of table: String, _ schema: Schema, isKeyed: Bool)
        -> [Topology.PartitionExpression]
    {
        var partitions: [Topology.PartitionExpression] = []
        for text in texts {
            guard let partition = partition(text, of: table, schema) else { continue }
            if partitions.contains(where: { $0.column == partition.column && $0.transform == partition.transform }) {
                add(text.position, "\(table) is partitioned by '\(text.text)' twice")
                continue
            }
            if isKeyed { warnOfAmoro(partition, among: partitions, text.position, schema) }
            partitions.append(partition)
        }
        return partitions
    }

    /// Warns of partitions that Amoro handles incorrectly.
    private mutating func warnOfAmoro(
        _ partition: Topology.PartitionExpression,
        among others: [Topology.PartitionExpression],
        _ position: Topology.Position,
        _ schema: Schema
    ) {
        guard let type = schema.field(named: partition.column)?.type else { return }
        // Amoro's defects do not depend on the argument.
        let name = partition.argument.map { "\(partition.transform)[\($0)]" } ?? partition.transform
        if let defect = AmoroLimits.defect(of: Transform(name), on: type) {
            let isYear = partition.transform == "year"
            let other = isYear ? "month(\(partition.column))" : "another column"
            warn(position, "Amoro \(defect)", "partition by \(other) where Amoro works on the table too")
        }
        if others.contains(where: { $0.column == partition.column }) {
            warn(position, "Amoro \(AmoroLimits.repeatedColumn)", "keep one of them where Amoro works on the table too")
        }
    }

    private mutating func partition(_ located: Located, of table: String, _ schema: Schema) -> Topology
        .PartitionExpression?
    {
        guard let (name, parameters) = Self.parts(of: located.text) else {
            add(
                located.position,
                "'\(located.text)' is no partition",
                "write a column or a transform such as day(created_at)"
            )
            return nil
        }
        let transform = ["years": "year", "months": "month", "days": "day", "hours": "hour"][name] ?? name
        guard Self.transforms.contains(transform) else {
            add(located.position, "unknown transform '\(name)'", NearestName.advice(for: name, among: Self.transforms))
            return nil
        }
        let takesNumber = transform == "bucket" || transform == "truncate"
        var argument: Int?
        if takesNumber, parameters.count == 2 {
            argument = Int(parameters[0]).flatMap { 1...Int(Int32.max) ~= $0 ? $0 : nil }
        }
        guard takesNumber ? argument != nil : parameters.count == 1 else {
            add(
                located.position,
                "'\(located.text)' has the wrong arguments",
                "write \(transform)(\(takesNumber ? "16, " : "")column)"
            )
            return nil
        }
        let column = parameters[parameters.count - 1]
        guard let field = schema.field(named: column) else {
            let advice = NearestName.advice(for: column, among: schema.fields.map(\.name))
            add(located.position, "partition column '\(column)' is no column of \(table)", advice)
            return nil
        }
        // The column has an unknown type, which is reported already.
        if case .other = field.type { return nil }
        guard Self.isValid(transform, for: field.type) else {
            add(
                located.position,
                "\(transform) does not work on '\(column)', which is \(field.type.withArticle)",
                Self.advice(for: transform)
            )
            return nil
        }
        return Topology.PartitionExpression(transform: transform, argument: argument, column: column, fieldID: field.id)
    }

    /// Splits `day(created_at)` into transform and arguments. A bare column is the identity transform.
    private static func parts(of text: String) -> (name: String, parameters: [String])? {
        let text = Substring(text).trimmed
        guard let open = text.firstIndex(of: "(") else {
            let isName = !text.isEmpty && !text.contains { $0.isWhitespace || $0 == "," || $0 == ")" }
            return isName ? ("identity", [text]) : nil
        }
        guard text.last == ")", open > text.startIndex else { return nil }
        let inner = text[text.index(after: open)...].dropLast()
        let parameters = inner.split(separator: ",", omittingEmptySubsequences: false).map(\.trimmed)
        if parameters.contains(where: { $0.isEmpty || $0.contains("(") }) { return nil }
        return (text[..<open].trimmed.lowercased(), parameters)
    }

    private static func isValid(_ transform: String, for type: FieldType) -> Bool {
        switch (transform, type) {
        case ("identity", _): type.isPrimitive
        case ("bucket", .int), ("bucket", .long), ("bucket", .decimal), ("bucket", .date), ("bucket", .time),
            ("bucket", .timestamp), ("bucket", .timestamptz), ("bucket", .string), ("bucket", .uuid),
            ("bucket", .fixed),
            ("bucket", .binary), ("truncate", .int), ("truncate", .long), ("truncate", .decimal), ("truncate", .string),
            ("truncate", .binary):
            true
        case ("year", .date), ("month", .date), ("day", .date): true
        case (_, .timestamp), (_, .timestamptz): transform != "truncate"
        default: false
        }
    }

    private static func advice(for transform: String) -> String {
        switch transform {
        case "bucket": "bucket takes whole numbers, decimals, dates, times, strings, uuids and binary columns"
        case "truncate": "truncate takes whole numbers, decimals, strings and binary columns"
        case "hour": "hour takes timestamps"
        default: "\(transform) takes dates and timestamps"
        }
    }
}

import ArgumentParser
import Bytes
import Columnar
import IcebergFormat
import IcebergTables
import MixedTables

struct TableCreateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "create",
        abstract: "Create a table; with a primary key it takes updates and deletes.",
        discussion: """
            Types: boolean int long float double decimal(p,s) date time timestamp timestamptz string uuid fixed(n) binary; \
            a '!' behind the type makes the column required. Example:
              weir table create shop.orders --column id:long --column 'amount:decimal(12,2)' --column created_at:timestamptz \
            --primary-key id --partition-by 'day(created_at)'
            """
    )

    @OptionGroup var options: WarehouseOptions
    @OptionGroup var output: OutputOptions

    @Argument(help: "The table, as DB.TABLE.")
    var table: String

    @Option(name: .customLong("column"), help: "A column, as NAME:TYPE or NAME:TYPE!; repeat it for each.")
    var columns: [String]

    @Option(help: "Key columns, separated by commas.")
    var primaryKey: String?

    @Option(help: "A partition value, such as 'day(created_at)' or 'bucket(16, id)'; may be repeated.")
    var partitionBy: [String] = []

    @Option(name: .customLong("property"), help: "A table property, as KEY=VALUE; may be repeated.")
    var properties: [String] = []

    func run() throws {
        let identifier = try TableIdentifier(table)
        let schema = try Self.schema(columns)
        var settings: [String: String] = [:]
        for text in properties {
            let (key, value) = try KeyValue.split(text, option: "--property")
            guard settings.updateValue(value, forKey: key) == nil else {
                throw ValidationError("--property gives '\(key)' twice")
            }
            try PropertyWords.check(key, value)
        }
        let definition = MixedTableDefinition(
            identifier: identifier,
            schema: schema,
            partitionSpec: try PartitionSpec(parsing: partitionBy, schema: schema),
            primaryKey: primaryKey?.listed ?? [],
            properties: settings
        )
        _ = try schema.selecting(definition.primaryKey)
        for warning in ColumnNames.warnings(schema.fields.map(\.name)) { Terminal.note("warning: \(warning.text)") }
        let catalog = try options.locations().openedCatalog()
        try catalog.createNamespace(identifier.namespace, ifNotExists: true)
        if !definition.primaryKey.isEmpty {
            for warning in AmoroLimits.warnings(definition.partitionSpec, schema, primaryKey: definition.primaryKey) {
                Terminal.note("warning: \(warning), should it work on the table too")
            }
        }
        let created = try MixedTable.create(definition, in: catalog, nowMilliseconds: TimeText.nowMilliseconds)
        var properties = Properties()
        properties.set("table", .string(identifier.description))
        properties.set("location", .string(created.base.location))
        guard output.format == .table else { return try properties.print(output.format, to: StandardOutput()) }
        output.talk.note(
            "created \(created.isKeyed ? "keyed" : "unkeyed") table \(identifier) at \(created.base.location)"
        )
    }

    /// Columns with ids from 1.
    static func schema(_ columns: [String]) throws(WeirError) -> Schema {
        var fields: [Field] = []
        for text in columns {
            // Types have no colon; a name may.
            guard let colon = text.lastIndex(of: ":") else {
                throw WeirError(.invalid, "the column '\(text)' has no type", advice: "write it as name:type")
            }
            let name = String(text[..<colon])
            if let refusal = ColumnNames.refusal(name) {
                throw WeirError(.invalid, refusal, at: "--column '\(text)'", advice: "write it as name:type")
            }
            var typeName = String(text[text.index(after: colon)...])
            let isRequired = typeName.hasSuffix("!")
            if isRequired { typeName.removeLast() }
            guard let type = FieldType(primitive: typeName) else {
                throw WeirError(
                    .invalid,
                    "'\(typeName)' of column '\(name)' is not a type",
                    advice: FieldType.mistake(in: typeName) ?? NearestName.advice(for: typeName, among: typeNames)
                )
            }
            guard !fields.contains(where: { $0.name == name }) else {
                throw WeirError(.invalid, "the column '\(name)' is given twice")
            }
            fields.append(Field(id: fields.count + 1, name: name, type: type, isRequired: isRequired))
        }
        return Schema(fields)
    }

    private static let typeNames = [
        "boolean", "int", "long", "float", "double", "decimal(p,s)", "date", "time", "timestamp", "timestamptz",
        "string",
        "uuid", "fixed(n)", "binary",
    ]
}

/// The keys of one kind of mapping in a topology file, used by the checks and the manual.
public struct TopologyKeys: Sendable {
    public struct Key: Sendable {
        /// A name that ends in `*` matches every key with that prefix.
        public let name: String
        /// Description of the values, for the manual.
        public let values: String
        /// The default; nil if there is none.
        public let fallback: String?
        public let isRequired: Bool
        /// Description of the key, for the manual.
        public let text: String

        init(_ name: String, _ values: String, _ fallback: String?, isRequired: Bool = false, _ text: String) {
            self.name = name
            self.values = values
            self.fallback = fallback
            self.isRequired = isRequired
            self.text = text
        }
    }

    /// The mapping's name in error messages: `source`.
    public let block: String
    public let keys: [Key]

    var names: [String] { keys.map(\.name).filter { !$0.hasSuffix("*") } }
    var prefixes: [String] { keys.map(\.name).filter { $0.hasSuffix("*") }.map { String($0.dropLast()) } }
    var required: [String] { keys.filter(\.isRequired).map(\.name) }

    /// In the order of the manual.
    public static let all = [top, pipeline, source, table, column, route, transform, join, sink]

    static let top = TopologyKeys(
        block: "the topology",
        keys: [
            Key(
                "name",
                "letters, digits, `-`, `_`, `.`",
                nil,
                isRequired: true,
                "Tables keep their positions under it."
            ),
            Key("pipeline", "mapping", "its defaults", "How the run works."),
            Key("source", "list, or one mapping", nil, isRequired: true, "Where changes come from."),
            Key("tables", "list", nil, isRequired: true, "Tables that are written or looked up in."),
            Key(
                "route",
                "list, or one mapping",
                "each source table to the table of its own name",
                "Which source tables go to which tables."
            ),
            Key("transform", "list, or one mapping", nil, "What is computed and left out on the way."),
            Key("join", "list, or one mapping", nil, "Streams that are completed by rows of another table."),
            Key("sink", "list, or one mapping", nil, isRequired: true, "The warehouse, and topics beside it."),
        ]
    )

    static let pipeline = TopologyKeys(
        block: "pipeline",
        keys: [
            Key("commit.interval", "duration above zero", "10s", "Time between two commits."),
            Key("commit.bytes", "size", "128mb", "Bytes of changes after which a commit begins early."),
            Key(
                "memory.budget",
                "size",
                "512mb",
                "Bounds records on their way to a commit: an eighth of it waits between reading and writing."
            ),
            Key(
                "materialize",
                "`inline`, `off`",
                "`inline`",
                "Whether the run moves changes into the base stores of its keyed tables, where every engine sees them."
            ),
            Key(
                "state.memory",
                "size from 1mb",
                "512mb",
                "Memory of the key indexes through which changes are written and moved into base stores, for all tables "
                    + "together; what exceeds it lies in `state.dir`."
            ),
            Key(
                "state.dir",
                "folder",
                "`.weir/keys` in the warehouse",
                "Folder of a local disk for key indexes. Each process has its own folders in it."
            ),
            Key("shares-tables-with", "list of names", nil, "Other topologies that may write the same tables."),
            Key("parallelism", "whole number from 1 to 1024", nil, "Has no effect yet."),
            Key("schema.change.behavior", "`evolve`, `ignore`, `exception`", nil, "Has no effect yet."),
        ]
    )

    static let source = TopologyKeys(
        block: "source",
        keys: [
            Key("name", "text", nil, isRequired: true, "Its name in messages and in `--set`."),
            Key("type", "`file-log`, `kafka`", nil, isRequired: true, "Which log."),
            Key("format", "`debezium-json`", nil, isRequired: true, "What its records are."),
            Key("topics", "list of names", nil, "Topics to read. This or `topic-pattern` is needed; Kafka takes both."),
            Key("topic-pattern", "regular expression", nil, "Topics whose whole name matches."),
            Key("topics.regex", "regular expression", nil, "An older name of `topic-pattern`."),
            Key("path", "folder", "the warehouse's log", "Root of the file log. Type `file-log` only."),
            Key(
                "scan.startup.mode",
                "`earliest-offset`, `latest-offset`, `timestamp`, `specific-offsets`, `group-offsets`",
                "`earliest-offset`",
                "Where reading begins in partitions that no table has a position of."
            ),
            Key("scan.startup.timestamp-millis", "milliseconds since 1970", nil, "The time of mode `timestamp`."),
            Key(
                "scan.startup.specific-offsets",
                "`topic:NAME,partition:N,offset:N;…`",
                nil,
                "The next records of mode `specific-offsets`; other partitions begin at the earliest."
            ),
            Key(
                "scan.on-lost-offsets",
                "`fail`, `earliest`, `latest`",
                "`fail`",
                "What happens when the log has dropped the next record to read."
            ),
            Key(
                "debezium-json.timestamp-unit",
                units,
                "derived from the values",
                "What integers in timestamp columns count, where records have no schema."
            ),
            Key(
                "debezium-json.timestamp-unit.*",
                units,
                nil,
                "The same for the column named behind it: `column`, `table.column` or the whole identifier."
            ),
            Key("debezium-json.time-unit", units, "derived from the values", "What integers in time columns count."),
            Key("debezium-json.time-unit.*", units, nil, "The same for one column."),
            Key(
                "debezium-json.decimal-text",
                "`number`, `base64`, `number-or-base64`",
                "`number`",
                "How text for a decimal column is read, where records have no schema."
            ),
            Key(
                "debezium-json.unavailable-value",
                "text",
                "`__debezium_unavailable_value`",
                "The connector's `unavailable.value.placeholder`."
            ),
            Key(
                "debezium-json.schema-registry-header",
                "`refuse`, `skip`",
                "`refuse`",
                "Whether JSON is read behind a schema registry's header: a zero byte and the schema's id."
            ),
            Key(
                "properties.*",
                "text",
                "librdkafka's",
                "Settings of the Kafka client; `properties.bootstrap.servers` is needed. Type `kafka` only."
            ),
        ]
    )

    private static let units = "`milliseconds`, `microseconds`, `nanoseconds`"

    static let table = TopologyKeys(
        block: "table",
        keys: [
            Key(
                "name",
                "`database.table`",
                nil,
                isRequired: true,
                "The table. A run creates it where it is not there."
            ),
            Key(
                "columns",
                "mapping of names to types, or list",
                nil,
                isRequired: true,
                "Columns as records bring them, before transforms."
            ),
            Key(
                "primary-key",
                "list of columns",
                nil,
                "Makes a keyed table, which takes updates and deletes. The columns become required."
            ),
            Key(
                "partition-by",
                "list of columns and transforms",
                nil,
                "`col`, `year(col)`, `month(col)`, `day(col)`, `hour(col)`, `bucket(N, col)`, `truncate(N, col)`."
            ),
            Key(
                "properties",
                "mapping",
                nil,
                "[Table properties](table-properties.md), which the table gets when it is created."
            ),
            Key("description", "text", nil, "For readers of the file."),
        ]
    )

    static let column = TopologyKeys(
        block: "column",
        keys: [
            Key("name", "text", nil, "Its name, where `columns` is a list."),
            Key(
                "type",
                "a [type](data-types.md)",
                nil,
                isRequired: true,
                "What it holds. `id: long` is short for `id: { type: long }`."
            ),
            Key("required", "`true`, `false`", "`false`", "Whether null makes a record a dead letter."),
            Key("doc", "text", nil, "Kept in the table's schema."),
        ]
    )

    static let route = TopologyKeys(
        block: "route",
        keys: [
            Key(
                "source-table",
                "regular expression",
                nil,
                isRequired: true,
                "Source tables whose whole identifier matches."
            ),
            Key(
                "sink-table",
                "`database.table`, may use `$1`",
                nil,
                isRequired: true,
                "The table they go to. Every route that matches counts."
            ),
            Key("description", "text", nil, "For readers of the file."),
        ]
    )

    static let transform = TopologyKeys(
        block: "transform",
        keys: [
            Key(
                "source-table",
                "regular expression",
                nil,
                isRequired: true,
                "Tables, or source tables that lead to them. The first transform that matches a table is used."
            ),
            Key(
                "projection",
                "[expressions](sql.md)",
                "`*`",
                "Columns of the table; the primary key must stay as it is."
            ),
            Key("filter", "[condition](sql.md)", nil, "Rows for which it is not true are left out."),
            Key("description", "text", nil, "For readers of the file."),
        ]
    )

    static let join = TopologyKeys(
        block: "join",
        keys: [
            Key("name", "`database.table`", nil, isRequired: true, "The table the joined rows go to."),
            Key("from", "a declared table", nil, isRequired: true, "The stream: its changes are joined."),
            Key("lookup", "a declared table with a primary key", nil, isRequired: true, "The dimension."),
            Key("as", "name", "the table's name without its database", "The dimension's name in `on` and `select`."),
            Key(
                "on",
                "equations joined by AND",
                nil,
                isRequired: true,
                "Compares exactly the dimension's primary key."
            ),
            Key("type", "`left`, `inner`", "`left`", "What becomes of rows without a match: nulls, or nothing."),
            Key("select", "[expressions](sql.md)", nil, isRequired: true, "Columns of the joined table."),
            Key(
                "primary-key",
                "list of columns",
                nil,
                "Should be that of `from`: updates and deletes are found by it."
            ),
            Key("partition-by", "list of columns and transforms", nil, "As for tables."),
            Key("properties", "mapping", nil, "[Table properties](table-properties.md)."),
            Key("description", "text", nil, "For readers of the file."),
        ]
    )

    static let sink = TopologyKeys(
        block: "sink",
        keys: [
            Key(
                "type",
                "`mixed-iceberg`, `kafka`",
                nil,
                isRequired: true,
                "The warehouse, which is needed once, or topics."
            ),
            Key("name", "text", nil, "Its name in messages and in the ids of transactions."),
            Key("tables", "list of tables and joins", "all", "What it takes."),
            Key("warehouse", "folder", "`WEIR_WAREHOUSE`, or `./warehouse`", "Type `mixed-iceberg` only."),
            Key(
                "catalog",
                "`sqlite:PATH`, `postgresql://USER@HOST/DATABASE`",
                "`WEIR_CATALOG`, or `catalog.db` in the warehouse",
                "Type `mixed-iceberg` only."
            ),
            Key(
                "catalog-name",
                "text",
                "`WEIR_CATALOG_NAME`, or `weir`",
                "The name of the catalog in its database. Type `mixed-iceberg` only."
            ),
            Key(
                "format",
                "`debezium-json`, `upsert-kafka`, `json`",
                nil,
                "How a change becomes a record; needed. Type `kafka` only."
            ),
            Key(
                "topic",
                "name",
                nil,
                "The topic of its only table. This or `topic-prefix` is needed. Type `kafka` only."
            ),
            Key("topic-prefix", "text", nil, "Stands in front of each table's name. Type `kafka` only."),
            Key(
                "transactional.id.prefix",
                "text",
                "`weir-` and the topology's name",
                "What the ids of transactions begin with. Type `kafka` only."
            ),
            Key(
                "properties.*",
                "text",
                "librdkafka's",
                "Settings of the Kafka client; `properties.bootstrap.servers` is needed. Type `kafka` only."
            ),
        ]
    )
}

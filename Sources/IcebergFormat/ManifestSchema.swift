import Bytes
import Columnar

/// The Avro schemas of manifests and manifest lists, format versions 2 and 3, with Iceberg's field ids.
enum ManifestSchema {
    private static func field(_ name: String, _ id: Int, _ type: JSONValue) -> JSONValue {
        .object(["name": .string(name), "type": type, "field-id": .integer(Int64(id))])
    }

    private static func optional(_ name: String, _ id: Int, _ type: JSONValue) -> JSONValue {
        .object([
            "name": .string(name), "type": .array([.string("null"), type]), "default": .null,
            "field-id": .integer(Int64(id)),
        ])
    }

    private static func record(_ name: String, _ fields: [JSONValue]) -> JSONValue {
        .object(["type": .string("record"), "name": .string(name), "fields": .array(fields)])
    }

    private static func map(_ keyId: Int, _ valueId: Int, _ value: String) -> JSONValue {
        .object([
            "type": .string("array"),
            "items": record(
                "k\(keyId)_v\(valueId)",
                [field("key", keyId, .string("int")), field("value", valueId, .string(value))]
            ),
            "logicalType": .string("map"),
        ])
    }

    private static func list(_ elementId: Int, _ element: JSONValue) -> JSONValue {
        .object(["type": .string("array"), "items": element, "element-id": .integer(Int64(elementId))])
    }

    static func entry(_ partitionType: Schema, formatVersion: Int = 2) throws(WeirError) -> JSONValue {
        var partition: [JSONValue] = []
        for value in partitionType.fields {
            let name = compatibleName(value.name)
            var json = optional(name, value.id, try avroType(value.type)).asObject ?? [:]
            if name != value.name { json["iceberg-field-name"] = .string(value.name) }
            partition.append(.object(json))
        }
        var file = [
            field("content", 134, .string("int")),
            field("file_path", 100, .string("string")),
            field("file_format", 101, .string("string")),
            field("partition", 102, record("r102", partition)),
            field("record_count", 103, .string("long")),
            field("file_size_in_bytes", 104, .string("long")),
            optional("column_sizes", 108, map(117, 118, "long")),
            optional("value_counts", 109, map(119, 120, "long")),
            optional("null_value_counts", 110, map(121, 122, "long")),
            optional("nan_value_counts", 137, map(138, 139, "long")),
            optional("lower_bounds", 125, map(126, 127, "bytes")),
            optional("upper_bounds", 128, map(129, 130, "bytes")),
            optional("key_metadata", 131, .string("bytes")),
            optional("split_offsets", 132, list(133, .string("long"))),
            optional("equality_ids", 135, list(136, .string("int"))),
            optional("sort_order_id", 140, .string("int")),
        ]
        if formatVersion > 2 { file.append(optional("first_row_id", 142, .string("long"))) }
        file.append(optional("referenced_data_file", 143, .string("string")))
        if formatVersion > 2 {
            file.append(optional("content_offset", 144, .string("long")))
            file.append(optional("content_size_in_bytes", 145, .string("long")))
        }
        return record(
            "manifest_entry",
            [
                field("status", 0, .string("int")),
                optional("snapshot_id", 1, .string("long")),
                optional("sequence_number", 3, .string("long")),
                optional("file_sequence_number", 4, .string("long")),
                field("data_file", 2, record("r2", file)),
            ]
        )
    }

    static func list(formatVersion: Int) -> JSONValue {
        record(
            "manifest_file",
            listFields + (formatVersion > 2 ? [optional("first_row_id", 520, .string("long"))] : [])
        )
    }

    private static let listFields: [JSONValue] = [
        field("manifest_path", 500, .string("string")),
        field("manifest_length", 501, .string("long")),
        field("partition_spec_id", 502, .string("int")),
        field("content", 517, .string("int")),
        field("sequence_number", 515, .string("long")),
        field("min_sequence_number", 516, .string("long")),
        field("added_snapshot_id", 503, .string("long")),
        field("added_files_count", 504, .string("int")),
        field("existing_files_count", 505, .string("int")),
        field("deleted_files_count", 506, .string("int")),
        field("added_rows_count", 512, .string("long")),
        field("existing_rows_count", 513, .string("long")),
        field("deleted_rows_count", 514, .string("long")),
        optional(
            "partitions",
            507,
            list(
                508,
                record(
                    "r508",
                    [
                        field("contains_null", 509, .string("boolean")),
                        optional("contains_nan", 518, .string("boolean")),
                        optional("lower_bound", 510, .string("bytes")),
                        optional("upper_bound", 511, .string("bytes")),
                    ]
                )
            )
        ),
        optional("key_metadata", 519, .string("bytes")),
    ]

    private static func avroType(_ type: FieldType) throws(WeirError) -> JSONValue {
        switch type {
        case .boolean, .int, .long, .float, .double, .string: return .string(type.description)
        case .binary: return .string("bytes")
        case .date: return .object(["type": .string("int"), "logicalType": .string("date")])
        case .time: return .object(["type": .string("long"), "logicalType": .string("time-micros")])
        case .timestamp, .timestamptz:
            return .object([
                "type": .string("long"), "logicalType": .string("timestamp-micros"),
                "adjust-to-utc": .bool(type == .timestamptz),
            ])
        case .uuid:
            return .object([
                "type": .string("fixed"), "name": .string("uuid_fixed"), "size": .integer(16),
                "logicalType": .string("uuid"),
            ])
        case .fixed(let length):
            return .object([
                "type": .string("fixed"), "name": .string("fixed_\(length)"), "size": .integer(Int64(length)),
            ])
        case .decimal(let precision, let scale):
            return .object([
                "type": .string("fixed"), "name": .string("decimal_\(precision)_\(scale)"),
                "size": .integer(Int64(decimalSize(precision))), "logicalType": .string("decimal"),
                "precision": .integer(Int64(precision)), "scale": .integer(Int64(scale)),
            ])
        case .list, .map, .structure, .other:
            throw WeirError(.unsupported, "values of type \(type) cannot partition a table")
        }
    }

    /// The number of bytes needed for every decimal of a precision.
    static func decimalSize(_ precision: Int) -> Int {
        var largest: Int128 = 1
        for _ in 0..<min(precision, 38) { largest *= 10 }
        return Transform.minimalByteCount(largest - 1)
    }

    /// Avro names consist of letters, digits and underscores. Other characters are written as `_x` and their
    /// hexadecimal code, as in Java.
    static func compatibleName(_ name: String) -> String {
        var result = ""
        for (index, scalar) in name.unicodeScalars.enumerated() {
            switch scalar {
            case "a"..."z", "A"..."Z", "_": result.unicodeScalars.append(scalar)
            case "0"..."9": result += index == 0 ? "_\(scalar)" : "\(scalar)"
            default: result += "_x" + String(scalar.value, radix: 16, uppercase: true)
            }
        }
        return result
    }
}

import Bytes
import CJSONShim
import Columnar

/// The columns of a source table that its destinations need, each combination of name, spelling rule and type once.
struct TableLayout {
    let targets: [TableTarget]
    private(set) var fields: [Field] = []
    /// Whether only a member of exactly the field's name fills it, by field.
    private(set) var isExact: [Bool] = []
    /// For each target, the indices of its columns, its key and its required columns in `fields`.
    private(set) var columns: [[Int]] = []
    private(set) var keys: [[Int]] = []
    private(set) var required: [[Int]] = []

    /// Throws if a key names no column.
    init(_ targets: [TableTarget]) throws(WeirError) {
        self.targets = targets
        for target in targets {
            var indices: [Int] = []
            let exact = ColumnSpelling.exactColumns(of: target.schema)
            for field in target.schema.fields {
                let onlyExact = exact.contains(field.name)
                let known = fields.indices.first {
                    fields[$0].name == field.name && fields[$0].type == field.type && isExact[$0] == onlyExact
                }
                indices.append(known ?? fields.count)
                if known == nil {
                    fields.append(field)
                    isExact.append(onlyExact)
                }
            }
            columns.append(indices)
            required.append(
                target.schema.fields.indices.filter { target.schema.fields[$0].isRequired }.map { indices[$0] }
            )
            var key: [Int] = []
            for name in target.primaryKey {
                guard let index = target.schema.index(named: name) else {
                    throw WeirError(
                        .invalid,
                        "primary-key column '\(name)' is not among the table's columns",
                        advice: NearestName.advice(for: name, among: target.schema.fields.map(\.name))
                    )
                }
                key.append(indices[index])
            }
            keys.append(key)
        }
    }

    /// Registers the layout with the shim and returns its number there.
    func add(to native: OpaquePointer) throws(WeirError) -> Int32 {
        var names: [UInt8] = []
        var nativeColumns: [weir_json_column] = []
        for (field, isExact) in zip(fields, isExact) {
            guard var column = weir_json_column(field) else {
                throw WeirError(
                    .unsupported,
                    "debezium-json cannot fill column '\(field.name)' of type \(field.type)",
                    advice: "declare it as string to keep its JSON text"
                )
            }
            column.is_exact = isExact
            nativeColumns.append(column)
            names.append(contentsOf: field.name.utf8)
        }
        // All index lists in one array, so that a single pointer has to be kept valid.
        var numbers: [UInt32] = []
        for list in columns + keys + required { numbers += list.map { UInt32($0) } }
        let number = names.withUnsafeBufferPointer { names in
            numbers.withUnsafeBufferPointer { numbers in
                var start = 0
                for index in nativeColumns.indices {
                    nativeColumns[index].name = names.baseAddress.map { $0 + start }
                    start += nativeColumns[index].name_count
                }
                var next = 0
                func take(_ lists: [[Int]]) -> [(UnsafePointer<UInt32>?, Int)] {
                    lists.map { list in
                        defer { next += list.count }
                        return (numbers.baseAddress.map { $0 + next }, list.count)
                    }
                }
                let (columns, keys, required) = (take(columns), take(keys), take(required))
                let targets = targets.indices.map { index in
                    weir_json_target(
                        columns: columns[index].0,
                        column_count: columns[index].1,
                        keys: keys[index].0,
                        key_count: keys[index].1,
                        required: required[index].0,
                        required_count: required[index].1
                    )
                }
                return weir_json_decoder_add_table(native, nativeColumns, nativeColumns.count, targets, targets.count)
            }
        }
        guard number >= 0 else { throw WeirError(.outOfSpace, "no memory for another destination table") }
        return number
    }
}

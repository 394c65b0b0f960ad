import Bytes
import Columnar
import KeyedState
import MixedTables

/// Looks up keys in a table, as a filter over its rows.
final class KeyLookup {
    private let texts: [String]
    private let primaryKey: [Field]
    private let wanted: WantedKeys
    private let bounds: [RowFilter.Bound]
    private var found: [Bool]

    /// - Parameter keys: the values of each key as text; a key of several columns separates them by commas.
    init(_ table: MixedTable, keys: [String]) throws(WeirError) {
        guard table.isKeyed else {
            throw WeirError(
                .invalid,
                "\(table.identifier) has no primary key to look rows up by",
                advice: "use 'weir scan \(table.identifier) --where …'"
            )
        }
        primaryKey = table.primaryKey
        var values: [[Scalar]] = []
        var texts: [String] = []
        var known: Set<[Scalar]> = []
        for key in keys {
            let value = try Self.parse(key, table.primaryKey)
            guard known.insert(value).inserted else { continue }
            values.append(value)
            texts.append(key)
        }
        self.texts = texts
        found = [Bool](repeating: false, count: texts.count)
        wanted = WantedKeys(values, primaryKey: table.primaryKey)
        bounds = Self.bounds(values, table.primaryKey)
    }

    static func parse(_ text: String, _ primaryKey: [Field]) throws(WeirError) -> [Scalar] {
        let names = primaryKey.map(\.name).joined(separator: ",")
        let parts =
            primaryKey.count == 1
            ? [text] : text.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        guard parts.count == primaryKey.count else {
            throw WeirError(
                .invalid,
                "the key '\(text)' has \(parts.count) of \(primaryKey.count) values",
                advice: "write a key as \(names)"
            )
        }
        var values: [Scalar] = []
        for (part, field) in zip(parts, primaryKey) {
            do {
                values.append(try ScalarText.parse(part, as: field.type))
            } catch {
                if let value = part.split(separator: "=", maxSplits: 1).last, part.hasPrefix(field.name + "=") {
                    let advice = "write the value alone: \(value)"
                    throw WeirError(error.code, error.message, at: "key column \(field.name)", advice: advice)
                }
                throw error.located(at: "key column \(field.name)")
            }
        }
        return values
    }

    /// Bounds that every wanted key satisfies: the smallest and the largest value of each key column.
    private static func bounds(_ keys: [[Scalar]], _ primaryKey: [Field]) -> [RowFilter.Bound] {
        guard let first = keys.first else { return [] }
        return primaryKey.indices.flatMap { index -> [RowFilter.Bound] in
            let field = primaryKey[index].id
            var lowest = first[index]
            var highest = first[index]
            for key in keys {
                if key[index].precedes(lowest) == true { lowest = key[index] }
                if highest.precedes(key[index]) == true { highest = key[index] }
            }
            if lowest == highest { return [RowFilter.Bound(field: field, .equal, lowest)] }
            return [
                RowFilter.Bound(field: field, .greaterOrEqual, lowest),
                RowFilter.Bound(field: field, .lessOrEqual, highest),
            ]
        }
    }

    var filter: RowFilter {
        let wanted = wanted
        return RowFilter(fields: Set(primaryKey.map(\.id)), bounds: bounds, isSelective: true) {
            batch throws(WeirError) in
            wanted.matches(in: batch).map(\.row)
        }
    }

    /// Marks the keys whose rows are in the batch as found.
    func markFound(in batch: ColumnBatch) {
        for match in wanted.matches(in: batch) { found[match.key] = true }
    }

    /// The keys for which no row was found, as given by the user.
    var missing: [String] { zip(texts, found).filter { !$0.1 }.map(\.0) }
}

/// The keys in the form used to compare them with rows.
private struct WantedKeys: Sendable {
    private let primaryKey: [Field]
    private let areNarrow: Bool
    private var numbers = KeyMap<Int32>(filler: -1)

    init(_ keys: [[Scalar]], primaryKey: [Field]) {
        self.primaryKey = primaryKey
        areNarrow = KeyFingerprints.areNarrow(primaryKey)
        let columns = primaryKey.enumerated().map { index, field in
            var builder = ColumnBuilder(field.type)
            for key in keys { builder.append(key[index]) }
            return builder.finish()
        }
        numbers.update(KeyFingerprints(columns, count: keys.count, areNarrow: areNarrow)) { $1 = Int32($0) }
    }

    func matches(in batch: ColumnBatch) -> [(row: Int32, key: Int)] {
        let columns = primaryKey.compactMap { batch.column(field: $0.id) }
        precondition(columns.count == primaryKey.count, "a filter is given the columns it reads")
        var matches: [(row: Int32, key: Int)] = []
        numbers.forEach(KeyFingerprints(columns, count: batch.count, areNarrow: areNarrow)) { row, key in
            if let key { matches.append((Int32(row), Int(key))) }
        }
        return matches
    }
}

import Bytes
import Columnar
import Expressions

/// What is unknown of tables because of errors that are already reported. Checks leave it out, so that each mistake is
/// reported once; what is known is checked.
struct Gaps {
    /// Tables whose columns have unknown types.
    var types: Set<String> = []
    /// The names of the columns of tables in `types`; absent if these are unknown too.
    var columns: [String: [String]] = [:]
    /// Tables whose primary key is unknown.
    var keys: Set<String> = []
    /// Whether a table is declared under a wrong name, so that another one may seem undeclared.
    var hasMisnamedTable = false
}

extension Checker {
    /// Reports a name that is no declared table's, unless a table with a wrong name may be the one that is meant.
    mutating func addUndeclared(_ name: String, among known: [String], _ position: Topology.Position, _ message: String)
    {
        if gaps.hasMisnamedTable, NearestName.nearest(to: name, among: known) == nil { return }
        add(position, message, NearestName.advice(for: name, among: known))
    }

    /// Binds a written text. Reports every name in it that is not there, or else the error of `bind`.
    ///
    /// - Parameter hasTypes: if false, only the names are checked.
    mutating func bound<Parsed, Bound>(
        _ written: Written<Parsed>,
        hasTypes: Bool,
        _ names: (Parsed) -> [ExpressionError],
        _ bind: (Parsed) throws(ExpressionError) -> Bound
    ) -> Bound? {
        let unknown = names(written.parsed)
        for error in unknown { add(error, in: written.value) }
        guard hasTypes else { return nil }
        do throws(ExpressionError) {
            return try bind(written.parsed)
        } catch {
            if !unknown.contains(where: { $0.message == error.message }) { add(error, in: written.value) }
            return nil
        }
    }
}

extension Schema {
    /// Columns of which only the names are known.
    init(names: [String]) {
        self.init(names.enumerated().map { Field(id: $0.offset + 1, name: $0.element, type: .other("unknown")) })
    }
}

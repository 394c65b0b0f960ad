import Columnar

/// Finds the columns and tables that an expression names and that are not there. Needs no types, so it also serves where
/// these are unknown, and it finds all of them, not the first one only.
public struct NameCheck: Sendable {
    public struct Relation: Sendable {
        /// Valid qualifiers; the first is used in advice.
        public let names: [String]
        /// Nil if the columns are unknown.
        public let columns: [String]?

        public init(names: [String] = [], columns: [String]?) {
            self.names = names
            self.columns = columns
        }
    }

    private let relations: [Relation]
    private let scope: Scope

    public init(_ relations: [Relation]) {
        self.relations = relations
        scope = Scope(
            relations.map { relation in
                let fields = (relation.columns ?? []).enumerated().map { index, name in
                    Field(id: index + 1, name: name, type: Node.untyped)
                }
                return Scope.Relation(names: relation.names, schema: Schema(fields))
            }
        )
    }

    public func errors(in expression: SQLExpression) -> [ExpressionError] { errors(in: expression.syntax) }
    public func errors(in condition: JoinCondition) -> [ExpressionError] { errors(in: condition.syntax) }

    public func errors(in projection: Projection) -> [ExpressionError] {
        var found: [ExpressionError] = []
        for item in projection.items {
            switch item {
            case .all(let qualifier, let position):
                do throws(ExpressionError) {
                    _ = try scope.columns(of: qualifier, at: position)
                } catch {
                    found.append(error)
                }
            case .expression(let expression, _, _): found += errors(in: expression.syntax)
            }
        }
        return Self.distinct(found)
    }

    /// The names of a projection's columns; nil if `*` stands for unknown ones.
    public func outputs(of projection: Projection) -> [String]? {
        var names: [String] = []
        for item in projection.items {
            switch item {
            case .all(let qualifier, _):
                for relation in relations where qualifier.map({ relation.names.contains($0) }) ?? true {
                    guard let columns = relation.columns else { return nil }
                    names += columns
                }
            case .expression(_, let name, _): names.append(name)
            }
        }
        return names
    }

    private func errors(in syntax: Syntax) -> [ExpressionError] {
        var found: [ExpressionError] = []
        syntax.forEachColumn { qualifier, name, range in
            let candidates = relations.filter { qualifier.map($0.names.contains) ?? true }
            if candidates.contains(where: { $0.columns == nil }) { return }
            do throws(ExpressionError) {
                _ = try scope.index(qualifier: qualifier, name: name, at: range.lowerBound + 1)
            } catch {
                found.append(error)
            }
        }
        return Self.distinct(found)
    }

    /// The same mistake several times is told once.
    private static func distinct(_ errors: [ExpressionError]) -> [ExpressionError] {
        var messages: Set<String> = []
        return errors.filter { messages.insert($0.message).inserted }
    }
}

extension Syntax {
    /// Visits the columns in the order of the text.
    fileprivate func forEachColumn(_ visit: (_ qualifier: String?, _ name: String, _ range: Range<Int>) -> Void) {
        switch kind {
        case .null, .literal: break
        case .column(let qualifier, let name): visit(qualifier, name, range)
        case .negate(let part), .not(let part), .isNull(let part), .cast(let part, _, _): part.forEachColumn(visit)
        case .arithmetic(_, let left, let right), .concatenate(let left, let right), .compare(_, let left, let right):
            left.forEachColumn(visit)
            right.forEachColumn(visit)
        case .all(let parts), .any(let parts), .call(_, let parts): for part in parts { part.forEachColumn(visit) }
        case .inList(let value, let list): for part in [value] + list { part.forEachColumn(visit) }
        case .between(let value, let low, let high): for part in [value, low, high] { part.forEachColumn(visit) }
        case .like(let value, let pattern, let escape):
            for part in [value, pattern] + [escape].compactMap(\.self) { part.forEachColumn(visit) }
        case .choose(let branches, let otherwise):
            for branch in branches {
                branch.condition.forEachColumn(visit)
                branch.value.forEachColumn(visit)
            }
            otherwise?.forEachColumn(visit)
        }
    }
}

import Bytes
import Yams

/// A node of the YAML tree, with its position and variables substituted.
struct Value {
    enum Content {
        /// `isPlain` is true if written without quotes.
        case scalar(String, isPlain: Bool)
        case secret(Secret)
        case list([Value])
        case mapping([Entry])
    }

    struct Entry {
        let key: String
        let position: Topology.Position
        var value: Value
    }

    var content: Content
    let position: Topology.Position

    /// A key without a value, or `null`.
    var isMissing: Bool {
        if case .scalar(let text, isPlain: true) = content {
            ["", "~", "null", "Null", "NULL"].contains(text)
        } else {
            false
        }
    }

    var scalar: String? { if case .scalar(let text, _) = content { text } else { nil } }
    var entries: [Entry]? { if case .mapping(let entries) = content { entries } else { nil } }

    /// Its name in error messages.
    var kind: String {
        switch content {
        case .scalar, .secret: "a single value"
        case .list: "a list"
        case .mapping: "a mapping"
        }
    }
}

extension Topology.Position {
    init(_ mark: Mark) { self.init(line: mark.line, column: mark.column) }
}

/// Converts Yams nodes to values.
struct DocumentReader {
    let environment: [String: String]
    var problems: [Topology.Problem] = []

    init(environment: [String: String]) { self.environment = environment }

    mutating func read(_ yaml: String, at fixed: Topology.Position? = nil) -> Value? {
        do {
            guard let node = try Yams.compose(yaml: yaml, .basic) else {
                let position = fixed ?? .start
                if fixed == nil { add(position, "the topology is empty", "start from one of the files in topologies/") }
                return fixed.map { Value(content: .scalar("", isPlain: true), position: $0) }
            }
            return value(of: node, at: fixed)
        } catch let error as YamlError {
            let (position, message) = Self.reading(error)
            add(
                fixed ?? position,
                "this is not YAML: \(message)",
                Self.cutKeys(error) ?? QuotingHint.advice(yaml, line: position.line)
            )
        } catch {
            add(fixed ?? .start, "this is not YAML: \(error)", nil)
        }
        return nil
    }

    /// Advice for duplicate keys such as `2)`, which result if a comma splits several types like `decimal(12,2)`.
    private static func cutKeys(_ error: YamlError) -> String? {
        guard case .duplicatedKeysInMapping(let duplicates, _) = error,
            duplicates.contains(where: { $0.contains(")") && !$0.contains("(") })
        else { return nil }
        return "a comma ends a value inside { }; write values such as \"decimal(12,2)\" in quotes"
    }

    private static func reading(_ error: YamlError) -> (position: Topology.Position, message: String) {
        switch error {
        case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
            .composer(_, let problem, let mark, _):
            (Topology.Position(mark), problem)
        case .duplicatedKeysInMapping(let duplicates, let context):
            (
                Topology.Position(context.mark),
                "the key '\(duplicates.joined(separator: "', '"))' is given twice"
            )
        case .reader(let problem, _, _, _): (.start, problem)
        default: (.start, "\(error)")
        }
    }

    private mutating func value(of node: Node, at fixed: Topology.Position?) -> Value {
        let position = fixed ?? node.mark.map { Topology.Position($0) } ?? .start
        switch node {
        case .scalar(let scalar):
            let content = substituted(scalar.string, isPlain: scalar.style == .plain, position)
            return Value(content: content, position: position)
        case .sequence(let sequence):
            var members: [Value] = []
            for node in sequence { members.append(value(of: node, at: fixed)) }
            let (joined, cut) = FlowPieces.joined(members)
            for value in cut { addCut(value, "[ ]") }
            return Value(content: .list(joined), position: position)
        case .mapping(let mapping):
            var entries: [Value.Entry] = []
            for pair in mapping {
                let mark = pair.key.mark.map { Topology.Position($0) }
                let inner = value(of: pair.value, at: fixed)
                entries.append(
                    Value.Entry(key: pair.key.scalar?.string ?? "?", position: fixed ?? mark ?? position, value: inner)
                )
            }
            let (joined, cut) = FlowPieces.joined(entries)
            for value in cut { addCut(value, "{ }") }
            return Value(content: .mapping(joined), position: position)
        case .alias:
            add(position, "aliases of undefined anchors cannot be read", nil)
            return Value(content: .scalar("", isPlain: true), position: position)
        }
    }

    /// Reports a value that a comma has split. The joined value is still checked.
    private mutating func addCut(_ value: Value, _ brackets: String) {
        let text = value.scalar ?? ""
        add(value.position, "a comma ends a value inside \(brackets)", "write it in quotes: \"\(text)\"")
    }

    mutating func add(_ position: Topology.Position, _ message: String, _ advice: String?) {
        problems.append(Topology.Problem(.error, at: position, message, advice: advice))
    }
}

extension Topology {
    /// A position in the topology file.
    public struct Position: Hashable, Sendable {
        /// From 1; 0 for a value given on the command line.
        public let line: Int
        /// From 1, if known.
        public let column: Int?

        public init(line: Int, column: Int?) {
            self.line = line
            self.column = column
        }

        static let start = Position(line: 1, column: 1)
        static let commandLine = Position(line: 0, column: nil)
        /// The position of problems that concern the whole file.
        static let file = Position(line: 1, column: nil)
    }

    /// A source, table, join or sink as the file declares it.
    public struct Declaration: Hashable, Sendable {
        public enum Section: String, Sendable { case source, tables, join, sink }

        public let section: Section
        /// Nil if it has no name.
        public let name: String?

        public init(_ section: Section, _ name: String?) {
            self.section = section
            self.name = name
        }
    }

    /// The positions of a topology's keys and values in its file.
    public struct Positions: Sendable {
        /// A key with its children, a list member (without a text), or a single value.
        private struct Node: Sendable {
            let text: String?
            let position: Position
            var children: [Node] = []

            func child(_ text: String) -> Node? { children.first { $0.text == text } }

            /// The node below this one that a path of keys, and a value at its end, leads to.
            func descendant(_ path: [String]) -> Node? {
                var node = self
                for text in path {
                    guard let next = node.child(text) else { return nil }
                    node = next
                }
                return node
            }
        }

        private let sections: [Node]

        init(_ root: Value) { sections = Self.nodes(root) }

        private static func nodes(_ value: Value) -> [Node] {
            switch value.content {
            case .scalar(let text, _): [Node(text: text, position: value.position)]
            case .secret: []
            case .list(let members):
                members.map { member in
                    if let text = member.scalar { return Node(text: text, position: member.position) }
                    return Node(text: nil, position: member.position, children: nodes(member))
                }
            case .mapping(let entries):
                entries.map { Node(text: $0.key, position: $0.position, children: nodes($0.value)) }
            }
        }

        /// The position of a key or value of a declaration; of the declaration if it has none of them, of its section if
        /// it is not in the file.
        ///
        /// - Parameter paths: keys from the declaration inwards, and perhaps a value at the end; the first that exists
        ///   counts.
        public func position(of declaration: Declaration, at paths: [[String]] = []) -> Position {
            let name = declaration.section.rawValue
            guard let section = sections.first(where: { $0.text == name }) else { return .file }
            let isList = section.children.contains { $0.text == nil }
            let blocks = isList ? section.children : [section]
            let named = declaration.name.flatMap { name in blocks.first { $0.descendant(["name", name]) != nil } }
            for block in named.map({ [$0] }) ?? blocks {
                if let found = paths.lazy.compactMap({ block.descendant($0) }).first { return found.position }
            }
            return (named ?? section).position
        }
    }
}

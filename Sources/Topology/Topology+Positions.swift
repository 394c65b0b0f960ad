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

    /// The positions of a topology's keys and values in its file.
    public struct Positions: Sendable {
        /// A key with its children, a list member (without a text), or a single value.
        private struct Node: Sendable {
            let text: String?
            let position: Position
            var children: [Node] = []

            /// The position of the first key or value at or below this node that contains a word.
            func first(_ word: Substring) -> Position? {
                if let text, Positions.words(text).contains(word) { return position }
                for child in children {
                    if let found = child.first(word) { return found }
                }
                return nil
            }

            /// The value of a direct child key.
            func value(of key: String) -> String? { children.first { $0.text == key }?.children.first?.text }
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

        /// The position of the table, topic or column that a message is about: the first dotted word of the message that
        /// occurs in the file. The first line of the file if there is none.
        public func position(namedIn message: String) -> Position {
            for word in Self.words(message) where word.contains(".") {
                for section in sections {
                    if let found = section.first(word) { return found }
                }
            }
            return .file
        }

        /// The position of the first of the words that a block contains; otherwise the start of the block.
        ///
        /// - Parameters:
        ///   - section: `source`, `tables`, `join`, `sink`.
        ///   - name: the name of the block; nil if it has none.
        public func position(of words: [String], in section: String, named name: String?) -> Position {
            guard let section = sections.first(where: { $0.text == section }) else { return .file }
            let isList = section.children.contains { $0.text == nil }
            let blocks = isList ? section.children : [section]
            let named = name.flatMap { name in blocks.first { $0.value(of: "name") == name } }
            for block in named.map({ [$0] }) ?? blocks {
                for word in words {
                    if let found = block.children.lazy.compactMap({ $0.first(word[...]) }).first { return found }
                }
            }
            return (named ?? section).position
        }

        private static func words(_ text: String) -> [Substring] {
            text.split { !($0.isLetter || $0.isNumber || "._-".contains($0)) }
        }
    }
}

extension Topology {
    /// Where something is written in the topology file.
    public struct Position: Hashable, Sendable {
        /// From 1; 0 for a value of the command line.
        public let line: Int
        /// From 1, where known.
        public let column: Int?

        public init(line: Int, column: Int?) {
            self.line = line
            self.column = column
        }

        static let commandLine = Position(line: 0, column: nil)
        /// Of what is about the file as a whole.
        static let file = Position(line: 1, column: nil)
    }

    /// Where the keys and values of a topology are written, as the parser of the file has found them.
    public struct Positions: Sendable {
        /// A key and what belongs to it, a member of a list (without a text), or a single value.
        private struct Node: Sendable {
            let text: String?
            let position: Position
            var children: [Node] = []

            /// The first key or value, here or below, in which a word stands.
            func first(_ word: Substring) -> Position? {
                if let text, Positions.words(text).contains(word) { return position }
                for child in children {
                    if let found = child.first(word) { return found }
                }
                return nil
            }

            /// The text of a key that stands directly below.
            func value(of key: String) -> String? { children.first { $0.text == key }?.children.first?.text }
        }

        private let sections: [Node]

        init(_ root: Value) { sections = Self.nodes(root) }

        private static func nodes(_ value: Value) -> [Node] {
            switch value.content {
            case .scalar(let text, _): [Node(text: text, position: value.place)]
            case .secret: []
            case .list(let members):
                members.map { member in
                    if let text = member.scalar { return Node(text: text, position: member.place) }
                    return Node(text: nil, position: member.place, children: nodes(member))
                }
            case .mapping(let entries):
                entries.map { Node(text: $0.key, position: $0.place, children: nodes($0.value)) }
            }
        }

        /// The key or value that names the table, topic or column a message is about: the first dotted name of the message
        /// that stands in the file. The file's first line when there is none.
        public func position(namedIn message: String) -> Position {
            for word in Self.words(message) where word.contains(".") {
                for section in sections {
                    if let found = section.first(word) { return found }
                }
            }
            return .file
        }

        /// The key or value of a block that holds one of the words, the first of them that is found; otherwise where the
        /// block begins.
        ///
        /// - Parameters:
        ///   - section: `source`, `tables`, `join`, `sink`.
        ///   - name: of the block; nil for one without a name.
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

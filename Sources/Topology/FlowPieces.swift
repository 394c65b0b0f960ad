/// Joins values that a comma has split. Inside braces and brackets a comma ends a plain YAML value, so `decimal(12,2)`
/// and `bucket(4, id)` arrive in pieces. The pieces are detected by unbalanced parentheses, since the parser does not
/// report whether there were brackets.
enum FlowPieces {
    /// Joins the pieces among the members of a list.
    static func joined(_ members: [Value]) -> (members: [Value], cut: [Value]) {
        var joined: [Value] = []
        var cut: [Value] = []
        var index = 0
        while index < members.count {
            let first = members[index]
            index += 1
            guard var text = open(first) else {
                joined.append(first)
                continue
            }
            let start = index
            while index < members.count, depth(text) > 0, let next = plain(members[index]) {
                text += ", " + next
                index += 1
            }
            guard depth(text) == 0 else {
                joined.append(first)
                index = start
                continue
            }
            let whole = Value(content: .scalar(text, isPlain: true), position: first.position)
            joined.append(whole)
            cut.append(whole)
        }
        return (joined, cut)
    }

    /// Joins the pieces among the entries of a mapping. The text after a comma was parsed as a key without a value.
    static func joined(_ entries: [Value.Entry]) -> (entries: [Value.Entry], cut: [Value]) {
        var joined: [Value.Entry] = []
        var cut: [Value] = []
        var index = 0
        while index < entries.count {
            var entry = entries[index]
            index += 1
            if var text = open(entry.value) {
                let start = index
                while index < entries.count, depth(text) > 0, entries[index].value.isMissing {
                    text += "," + entries[index].key
                    index += 1
                }
                if depth(text) == 0 {
                    entry.value = Value(content: .scalar(text, isPlain: true), position: entry.value.position)
                    cut.append(entry.value)
                } else {
                    index = start
                }
            }
            joined.append(entry)
        }
        return (joined, cut)
    }

    private static func plain(_ value: Value) -> String? {
        if case .scalar(let text, isPlain: true) = value.content { text } else { nil }
    }

    /// The text of a plain value with an unclosed parenthesis; nil for other values.
    private static func open(_ value: Value) -> String? { plain(value).flatMap { depth($0) > 0 ? $0 : nil } }

    private static func depth(_ text: String) -> Int {
        text.utf8.reduce(0) { $0 + ($1 == UInt8(ascii: "(") ? 1 : $1 == UInt8(ascii: ")") ? -1 : 0) }
    }
}

import Bytes

extension DocumentReader {
    /// Applies one `--set path=value` to the tree. Keys may contain dots, so the longest key that is a prefix of the
    /// path wins. List members are addressed by `name` or by index from 0. A list with one member needs neither.
    mutating func apply(_ path: String, _ text: String, to root: inout Value) {
        guard let value = read(text, at: .commandLine) else { return }
        if !Self.set(Substring(path), to: value, in: &root, .root) {
            add(.commandLine, "there is no '\(path)' to set", Self.advice(Substring(path), root))
        }
    }

    /// Advice for a path that is not found; names the members if the path leaves out a list member.
    private static func advice(_ path: Substring, _ root: Value) -> String {
        let entry = root.entries?.first { rest(of: path, after: $0.key) != nil }
        if let entry, case .list(let members) = entry.value.content, members.count > 1 {
            let names = members.compactMap { member in member.entries?.first { $0.key == "name" }?.value.scalar }
            if !names.isEmpty {
                return "write it as \(entry.key).NAME.key=value, where NAME is one of \(names.joined(separator: ", "))"
            }
        }
        return "write it as block.key=value, as in pipeline.commit.interval=5s"
    }

    /// Where a mapping of the tree stands, which decides how a path continues that names no key there yet.
    private enum Level {
        case root
        /// A member of a section such as `tables`.
        case member(of: String)
        case inner

        /// Whether a new key is a mapping, so that the path goes on inside it: `properties` of a table is one, and
        /// `properties.bootstrap.servers` of a source is a key with dots.
        func isBlock(_ word: Substring) -> Bool {
            switch self {
            case .root: true
            case .member(of: "tables"): TopologyKeys.table.names.contains(String(word))
            case .member(of: "join"): TopologyKeys.join.names.contains(String(word))
            case .member, .inner: false
            }
        }

        func below(_ key: String) -> Level { if case .root = self { .member(of: key) } else { .inner } }
    }

    private static func set(_ path: Substring, to value: Value, in target: inout Value, _ level: Level) -> Bool {
        if path.isEmpty {
            target = value
            return true
        }
        switch target.content {
        case .mapping(var entries):
            let candidates = entries.indices.filter { rest(of: path, after: entries[$0].key) != nil }
            if let index = candidates.max(by: { entries[$0].key.count < entries[$1].key.count }),
                let rest = rest(of: path, after: entries[index].key),
                set(rest, to: value, in: &entries[index].value, level.below(entries[index].key))
            {
                target.content = .mapping(entries)
                return true
            }
            // A new key: the first word of the path if that is a block, else the whole path.
            let dot = path.firstIndex(of: ".").flatMap { level.isBlock(path[..<$0]) ? $0 : nil }
            let key = dot.map { path[..<$0] } ?? path
            if entries.contains(where: { $0.key == key }) { return false }
            var added = value
            if let dot {
                let inner = Value.Entry(
                    key: String(path[path.index(after: dot)...]),
                    position: .commandLine,
                    value: value
                )
                added = Value(content: .mapping([inner]), position: .commandLine)
            }
            entries.append(Value.Entry(key: String(key), position: .commandLine, value: added))
            target.content = .mapping(entries)
            return true
        case .list(var members):
            for index in members.indices {
                let name = members[index].entries?.first { $0.key == "name" }?.value.scalar
                guard let rest = name.flatMap({ rest(of: path, after: $0) }) ?? rest(of: path, after: String(index)),
                    set(rest, to: value, in: &members[index], level)
                else { continue }
                target.content = .list(members)
                return true
            }
            guard members.count == 1, set(path, to: value, in: &members[0], level) else { return false }
            target.content = .list(members)
            return true
        case .scalar, .secret: return false
        }
    }

    private static func rest(of path: Substring, after key: String) -> Substring? {
        if path == key { return "" }
        return path.hasPrefix(key + ".") ? path.dropFirst(key.count + 1) : nil
    }
}

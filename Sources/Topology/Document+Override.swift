import Bytes

extension DocumentReader {
    /// Applies one `--set path=value` to the tree. Keys may contain dots, so the longest key that is a prefix of the
    /// path wins. List members are addressed by `name` or by index from 0. A list with one member needs neither.
    mutating func apply(_ path: String, _ text: String, to root: inout Value) {
        guard let value = read(text, at: .commandLine) else { return }
        if !Self.set(Substring(path), to: value, in: &root, depth: 0) {
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

    private static func set(_ path: Substring, to value: Value, in target: inout Value, depth: Int) -> Bool {
        if path.isEmpty {
            target = value
            return true
        }
        switch target.content {
        case .mapping(var entries):
            let candidates = entries.indices.filter { rest(of: path, after: entries[$0].key) != nil }
            if let index = candidates.max(by: { entries[$0].key.count < entries[$1].key.count }),
                let rest = rest(of: path, after: entries[index].key),
                set(rest, to: value, in: &entries[index].value, depth: depth + 1)
            {
                target.content = .mapping(entries)
                return true
            }
            // A new key. At the top level, the first word of the path becomes a new block; below, the whole path is the
            // key.
            let dot = depth == 0 ? path.firstIndex(of: ".") : nil
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
                    set(rest, to: value, in: &members[index], depth: depth + 1)
                else { continue }
                target.content = .list(members)
                return true
            }
            guard members.count == 1, set(path, to: value, in: &members[0], depth: depth + 1) else { return false }
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

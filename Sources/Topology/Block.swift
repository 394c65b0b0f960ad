import Bytes

/// A mapping in the topology file.
struct Block {
    /// Its name in error messages: `source 'shop-cdc'`.
    let what: String
    let position: Topology.Position
    private let entries: [Value.Entry]

    init(what: String, position: Topology.Position, entries: [Value.Entry]) {
        self.what = what
        self.position = position
        self.entries = entries
    }

    func entry(_ key: String) -> Value.Entry? { entries.first { $0.key == key && !$0.value.isMissing } }
    func value(_ key: String) -> Value? { entry(key)?.value }
    var keys: [Value.Entry] { entries }
}

extension Checker {
    mutating func add(_ position: Topology.Position, _ message: String, _ advice: String? = nil) {
        problems.append(Topology.Problem(.error, at: position, message, advice: advice))
    }

    mutating func warn(_ position: Topology.Position, _ message: String, _ advice: String? = nil) {
        problems.append(Topology.Problem(.warning, at: position, message, advice: advice))
    }

    mutating func note(_ position: Topology.Position, _ message: String, _ advice: String? = nil) {
        problems.append(Topology.Problem(.note, at: position, message, advice: advice))
    }

    /// Reads a mapping. Reports unknown keys and missing required keys. Keys that start with one of `prefixes` are
    /// known too. Reads `name` first, for use in error messages.
    mutating func block(
        _ value: Value,
        _ kind: String,
        keys: [String],
        prefixes: [String] = [],
        required: [String]
    ) -> Block? {
        guard let entries = value.entries else {
            add(
                value.position,
                "\(kind) must be a mapping, not \(value.kind)",
                "its keys are \(keys.joined(separator: ", "))"
            )
            return nil
        }
        let name = entries.first { $0.key == "name" }?.value.scalar
        let isNamed = kind != "the topology"
        let what = isNamed ? name.map { "\(kind) '\($0)'" } ?? kind : kind
        var known: [Value.Entry] = []
        for entry in entries {
            if keys.contains(entry.key)
                || prefixes.contains(where: { entry.key.count > $0.count && entry.key.hasPrefix($0) })
            {
                known.append(entry)
                continue
            }
            add(
                entry.position,
                "unknown key '\(entry.key)' in \(what)",
                NearestName.advice(for: entry.key, among: keys)
            )
            // Continue the checks with the most similar key.
            if let meant = NearestName.nearest(to: entry.key, among: keys),
                !entries.contains(where: { $0.key == meant })
            {
                known.append(Value.Entry(key: meant, position: entry.position, value: entry.value))
            }
        }
        let block = Block(what: what, position: value.position, entries: known)
        for key in required where block.value(key) == nil {
            add(value.position, "\(block.what) needs '\(key)'")
        }
        return block
    }

    mutating func block(_ value: Value, _ keys: TopologyKeys) -> Block? {
        block(value, keys.block, keys: keys.names, prefixes: keys.prefixes, required: keys.required)
    }

    /// The members of a list, or the value itself if a single mapping is allowed.
    mutating func members(_ value: Value?, _ what: String, allowsOne: Bool = false) -> [Value] {
        guard let value, !value.isMissing else { return [] }
        if case .list(let members) = value.content { return members }
        if allowsOne, case .mapping = value.content { return [value] }
        add(value.position, "\(what) must be a list, not \(value.kind)", "begin each member with '-'")
        return []
    }

    mutating func text(_ block: Block, _ key: String) -> String? {
        guard let entry = block.entry(key) else { return nil }
        switch entry.value.content {
        case .scalar(let text, _): return text
        case .secret:
            add(entry.value.position, "'\(key)' is printed and logged, so it takes no secret", "write ${NAME} instead")
        case .list, .mapping: add(entry.value.position, "'\(key)' must be a single value, not \(entry.value.kind)")
        }
        return nil
    }

    /// A list of texts, or a single text with one or more values separated by `separators`.
    mutating func texts(_ block: Block, _ key: String, separators: Set<Character> = [",", ";"]) -> [Located] {
        guard let value = block.value(key) else { return [] }
        switch value.content {
        case .scalar(let text, _):
            return text.split(whereSeparator: separators.contains).map {
                Located(text: $0.trimmed, position: value.position)
            }
        case .list(let members):
            for member in members where member.scalar == nil {
                add(member.position, "a member of '\(key)' must be a single value, not \(member.kind)")
            }
            return members.compactMap { member in member.scalar.map { Located(text: $0, position: member.position) } }
        case .secret, .mapping:
            add(value.position, "'\(key)' must be a list, not \(value.kind)")
            return []
        }
    }

    mutating func choice<T: RawRepresentable & CaseIterable>(_ block: Block, _ key: String, _: T.Type) -> T?
    where T.RawValue == String {
        guard let text = text(block, key) else { return nil }
        if let value = T(rawValue: text) { return value }
        let known = T.allCases.map(\.rawValue)
        let position = block.value(key)?.position ?? block.position
        let advice = known.count == 1 ? "use '\(known[0])'" : NearestName.advice(for: text, among: known)
        add(position, "'\(text)' is no value of '\(key)'", advice)
        return nil
    }

    mutating func parsed<T>(_ block: Block, _ key: String, _ advice: String, _ parse: (String) -> T?) -> T? {
        guard let text = text(block, key) else { return nil }
        if let value = parse(text) { return value }
        add(block.value(key)?.position ?? block.position, "'\(text)' is no value of '\(key)'", advice)
        return nil
    }

    mutating func pattern(_ block: Block, _ key: String) -> NamePattern? {
        parsed(block, key, "write a regular expression that matches whole names, such as shop.public.(.*)") {
            NamePattern($0)
        }
    }

    /// Reports the second use of a name, and returns whether it is the first.
    @discardableResult
    mutating func checkUnique(_ name: String, _ what: String, _ position: Topology.Position) -> Bool {
        if let first = names[what + name] {
            add(position, "\(what) '\(name)' is declared twice", "the first is on line \(first.line)")
            return false
        }
        names[what + name] = position
        return true
    }

    /// The keys and values of `properties`.
    mutating func properties(_ block: Block) -> [String: Located] {
        guard let value = block.value("properties") else { return [:] }
        guard let entries = value.entries else {
            add(value.position, "'properties' must be a mapping, not \(value.kind)")
            return [:]
        }
        var properties: [String: Located] = [:]
        for entry in entries {
            if let text = entry.value.scalar {
                properties[entry.key] = Located(text: text, position: entry.value.position)
            } else if case .secret(let secret) = entry.value.content {
                // The table stores the reference. It is resolved when the LogStore is opened.
                if entry.key.hasPrefix("properties."), let reference = secret.reference {
                    properties[entry.key] = Located(text: reference, position: entry.value.position)
                } else {
                    add(entry.value.position, "table property '\(entry.key)' is stored readable, so it takes no secret")
                }
            } else {
                add(entry.value.position, "property '\(entry.key)' must be a single value, not \(entry.value.kind)")
            }
        }
        return properties
    }
}

/// A text with its position in the file.
struct Located {
    let text: String
    let position: Topology.Position
}

extension Substring {
    var trimmed: String {
        let start = drop { $0.isWhitespace }
        guard let last = start.lastIndex(where: { !$0.isWhitespace }) else { return "" }
        return String(start[...last])
    }
}

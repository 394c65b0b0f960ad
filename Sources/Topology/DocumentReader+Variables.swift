import Bytes

extension DocumentReader {
    /// Substitutes `${NAME}` and `${NAME:-default}` inside a text, and `${env:NAME}` and `${file:PATH}` as a whole
    /// value. `$${` is an escaped `${`.
    mutating func substituted(_ text: String, isPlain: Bool, _ position: Topology.Position) -> Value.Content {
        guard text.contains("${") else { return .scalar(text, isPlain: isPlain) }
        if text.hasPrefix("${"), text.hasSuffix("}"), !text.dropFirst(2).contains("${") {
            let name = text.dropFirst(2).dropLast()
            if name.hasPrefix("env:") { return secret(ofVariable: String(name.dropFirst(4)), position) }
            if name.hasPrefix("file:") { return .secret(Secret(file: String(name.dropFirst(5)))) }
        }
        var result = ""
        var rest = Substring(text)
        while let mark = rest.firstIndex(of: "$") {
            result += rest[..<mark]
            rest = rest[mark...]
            if rest.hasPrefix("$${") {
                result += "${"
                rest = rest.dropFirst(3)
            } else if rest.hasPrefix("${") {
                guard let end = rest.firstIndex(of: "}") else {
                    add(position, "the variable '\(rest)' is never closed", "write ${NAME}, or $${ for a literal ${")
                    return .scalar(text, isPlain: isPlain)
                }
                result += variable(rest[rest.index(rest.startIndex, offsetBy: 2)..<end], position)
                rest = rest[rest.index(after: end)...]
            } else {
                result.append("$")
                rest = rest.dropFirst()
            }
        }
        return .scalar(result + rest, isPlain: isPlain)
    }

    private mutating func secret(ofVariable name: String, _ position: Topology.Position) -> Value.Content {
        if let value = environment[name] { return .secret(Secret(variable: name, value: value)) }
        add(
            position,
            "the environment variable \(name) is not set",
            "set it, or take the secret from a file with ${file:PATH}"
        )
        return .secret(Secret(variable: name, value: ""))
    }

    private mutating func variable(_ text: Substring, _ position: Topology.Position) -> String {
        var name = text
        var fallback: Substring?
        if let range = text.firstRange(of: ":-") {
            name = text[..<range.lowerBound]
            fallback = text[range.upperBound...]
        }
        guard !name.isEmpty, name.allSatisfy({ $0.isLetter || $0.isNumber || $0 == "_" }) else {
            let isSecret = name.hasPrefix("env:") || name.hasPrefix("file:")
            add(
                position,
                isSecret ? "a secret must be the whole value" : "'\(name)' is no name of a variable",
                isSecret ? "write nothing in front of or behind ${\(name)}" : "write ${NAME} or ${NAME:-default}"
            )
            return ""
        }
        if let value = environment[String(name)], !value.isEmpty || fallback == nil { return value }
        if let fallback { return String(fallback) }
        add(position, "the variable \(name) is not set", "set it in the environment, or write ${\(name):-default}")
        return ""
    }
}

/// Broker addresses in the form that Kafka clients accept: `host:port`, several separated by commas.
///
/// librdkafka takes a port modulo 65536 and an empty host as this machine, so a misspelt address reaches another broker
/// or none. Such addresses are rejected here, before a client sees them.
public struct BootstrapServers: Sendable {
    /// `host:port` in lower case, with Kafka's default port where none is given.
    public let addresses: Set<String>

    private static let protocols = ["plaintext", "ssl", "sasl_plaintext", "sasl_ssl"]
    private static let defaultPort = 9092

    /// Fails with `invalid` for an entry that is not an address, and when there are no addresses.
    public init(_ text: String) throws(WeirError) {
        var addresses: Set<String> = []
        for part in text.split(separator: ",") {
            let entry = part.drop { $0.isWhitespace }
            guard let last = entry.lastIndex(where: { !$0.isWhitespace }) else { continue }
            addresses.insert(try Self.address(String(entry[...last])))
        }
        guard !addresses.isEmpty else {
            throw WeirError(.invalid, "no brokers are given", advice: "write host:port of one broker or more")
        }
        self.addresses = addresses
    }

    /// Whether both share an address and so belong to one cluster.
    public func overlaps(_ other: BootstrapServers) -> Bool { !addresses.isDisjoint(with: other.addresses) }

    private static func address(_ entry: String) throws(WeirError) -> String {
        var rest = entry[...]
        if let mark = entry.firstRange(of: "://") {
            guard protocols.contains(entry[..<mark.lowerBound].lowercased()) else {
                throw WeirError(
                    .invalid,
                    "'\(entry)' is no address of a broker: Kafka is not reached over '\(entry[..<mark.upperBound])'",
                    advice: "write host:port"
                )
            }
            rest = entry[mark.upperBound...]
        }
        var port: Substring?
        // An IPv6 address contains colons itself, so it can have a port only when it is in brackets.
        if let colon = rest.lastIndex(of: ":"),
            rest.firstIndex(of: ":") == colon || rest[..<colon].hasSuffix("]")
        {
            port = rest[rest.index(after: colon)...]
            rest = rest[..<colon]
        }
        guard isHost(rest) else {
            let host = rest.isEmpty ? "it names no host" : "'\(rest)' is no name of a host"
            throw WeirError(.invalid, "'\(entry)' is no address of a broker: \(host)", advice: "write host:port")
        }
        guard let port else { return "\(rest.lowercased()):\(defaultPort)" }
        guard port.allSatisfy({ $0.isASCII && $0.isNumber }), let number = Int(port), 1...65535 ~= number else {
            throw WeirError(
                .invalid,
                "'\(entry)' is no address of a broker: '\(port)' is no port",
                advice: "ports are 1 to 65535; brokers mostly listen on \(defaultPort)"
            )
        }
        return "\(rest.lowercased()):\(number)"
    }

    private static func isHost(_ text: Substring) -> Bool {
        let isBracketed = text.hasPrefix("[") && text.hasSuffix("]")
        let name = isBracketed ? text.dropFirst().dropLast() : text
        if name.contains(":") { return name.allSatisfy { $0.isHexDigit || ":.%".contains($0) } }
        return !isBracketed && !name.isEmpty && name.allSatisfy { $0.isLetter || $0.isNumber || "._-".contains($0) }
    }
}

import Topology

/// A digest of what decides which source records come to a table, for comparison.
extension Topology {
    /// The digest of a declared table: its routes and its filter.
    func routeDigest(to name: String) -> String { Self.digest(routeText(to: name)) }

    /// The digest of a joined table: the routes and filter of the stream, and the kind, dimension and keys of the join.
    func routeDigest(to join: Join) -> String {
        let keys = join.keys.map { "\($0.from)=\($0.lookup)" }.joined(separator: ",")
        return Self.digest("\(routeText(to: join.from))\n\(join.kind.rawValue) \(join.lookup) \(keys)")
    }

    private func routeText(to name: String) -> String {
        var lines = routes.filter { $0.mayLead(to: name) }.map { "\($0.pattern.text) -> \($0.sinkTable)" }.sorted()
        // The source table of the same name, unless another route takes it.
        if !routes.contains(where: { $0.pattern.matches(name) }) { lines.append("-> \(name)") }
        if let filter = table(named: name)?.transform?.filter { lines.append("where \(filter.text)") }
        return lines.joined(separator: "\n")
    }

    /// FNV-1a over the text.
    private static func digest(_ text: String) -> String {
        let hash = text.utf8.reduce(UInt64(0xcbf2_9ce4_8422_2325)) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
        return String(hash, radix: 16)
    }
}

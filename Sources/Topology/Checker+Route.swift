import Bytes
import Foundation

extension Checker {
    mutating func route(_ value: Value, _ declared: [CheckedTable]) -> Topology.Route? {
        guard let block = block(value, TopologyKeys.route) else { return nil }
        guard let pattern = pattern(block, "source-table"), let sinkTable = text(block, "sink-table") else {
            return nil
        }
        let position = block.value("sink-table")?.position ?? block.position
        let names = declared.map(\.name)
        // The text that a group captures is unknown, so $1 matches any text.
        var shape = ""
        var rest = Substring(sinkTable)
        while let next = rest.first {
            rest = rest.dropFirst()
            if next == "$", let digit = rest.first?.wholeNumberValue {
                rest = rest.dropFirst()
                shape += ".*"
                if digit > pattern.groupCount {
                    let has = pattern.groupCount == 0 ? "no group" : "only \(pattern.groupCount)"
                    add(
                        position,
                        "'\(sinkTable)' uses $\(digit), but '\(pattern.text)' has \(has)",
                        "put (…) around the part to reuse"
                    )
                }
            } else {
                shape += NSRegularExpression.escapedPattern(for: String(next))
            }
        }
        if let shape = NamePattern(shape), !names.contains(where: { shape.matches($0) }) {
            if sinkTable.contains("$") {
                if gaps.hasMisnamedTable {
                    return Topology.Route(pattern: pattern, sinkTable: sinkTable, description: nil)
                }
                let known = names.isEmpty ? nil : "declared are \(names.joined(separator: ", "))"
                add(position, "no declared table has a name like '\(sinkTable)'", known)
            } else {
                addUndeclared(sinkTable, among: names, position, "sink table '\(sinkTable)' is not declared")
            }
        }
        return Topology.Route(pattern: pattern, sinkTable: sinkTable, description: text(block, "description"))
    }
}

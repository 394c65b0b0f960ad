import Foundation
import Testing

/// The pages of `docs/`. With `WEIR_UPDATE_MANUAL=1` the generated parts are rewritten instead of compared.
enum ManualPages {
    static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()
    static let folder = root.appendingPathComponent("docs")
    static var isUpdating: Bool { ProcessInfo.processInfo.environment["WEIR_UPDATE_MANUAL"] == "1" }

    /// Every page, as a path inside `docs`.
    static let all: [String] = {
        let paths = FileManager.default.enumerator(atPath: folder.path)?.allObjects as? [String] ?? []
        return paths.filter { $0.hasSuffix(".md") }.sorted()
    }()

    static func text(_ page: String) throws -> String {
        try String(contentsOf: folder.appendingPathComponent(page), encoding: .utf8)
    }

    /// Compares the part of a page between `<!-- NAME -->` and `<!-- end -->` with the text from the code.
    static func check(_ page: String, part: String, _ expected: String) throws {
        let text = try text(page)
        let begin = try #require(text.range(of: "<!-- \(part) -->\n"), "docs/\(page) has no part '\(part)'")
        let end = try #require(
            text.range(of: "<!-- end -->", range: begin.upperBound..<text.endIndex),
            "part '\(part)' of docs/\(page) has no end"
        )
        let found = String(text[begin.upperBound..<end.lowerBound])
        if found == expected { return }
        if isUpdating {
            let updated = text.replacingCharacters(in: begin.upperBound..<end.lowerBound, with: expected)
            return try updated.write(to: folder.appendingPathComponent(page), atomically: true, encoding: .utf8)
        }
        let old = found.split(separator: "\n").map(String.init)
        let new = expected.split(separator: "\n").map(String.init)
        for line in new where !old.contains(line) { Issue.record("docs/\(page) lacks: \(line)") }
        for line in old where !new.contains(line) { Issue.record("docs/\(page) has what the code lacks: \(line)") }
        if Set(old) == Set(new) { Issue.record("docs/\(page), part '\(part)', has another order") }
    }

    /// A fenced block: the text after the fence, its lines, and the line number of the fence.
    struct Fence {
        let info: String
        var lines: [String]
        let number: Int
    }

    static func fences(_ text: String) -> [Fence] {
        var fences: [Fence] = []
        var open: Fence?
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            if line.hasPrefix("```") {
                if let done = open {
                    fences.append(done)
                    open = nil
                } else {
                    open = Fence(info: String(line.dropFirst(3)), lines: [], number: index + 1)
                }
            } else {
                open?.lines.append(String(line))
            }
        }
        return fences
    }

    /// The first cells of tables whose header begins with a word, without surrounding backticks.
    static func firstCells(_ text: String, of header: String) -> [String] {
        var cells: [String] = []
        var isInside = false
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            if line.hasPrefix("| \(header) |") {
                isInside = true
            } else if !line.hasPrefix("|") {
                isInside = false
            } else if isInside, !line.hasPrefix("|---") {
                let cell = line.dropFirst().prefix { $0 != "|" }.trimmingCharacters(in: .whitespaces)
                cells.append(cell.trimmingCharacters(in: CharacterSet(charactersIn: "`")))
            }
        }
        return cells
    }
}

/// Cells and rows of Markdown tables.
enum ManualTable {
    static func table(_ head: [String], _ rows: [[String]]) -> String {
        let rule = "|" + head.map { _ in "---|" }.joined()
        let lines = [line(head), rule] + rows.map(line)
        return lines.joined(separator: "\n") + "\n"
    }

    private static func line(_ cells: [String]) -> String {
        "|" + cells.map { $0.isEmpty ? " |" : " \(cell($0)) |" }.joined()
    }

    private static func cell(_ text: String) -> String { text.replacingOccurrences(of: "|", with: "\\|") }
}

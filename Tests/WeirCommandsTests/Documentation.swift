import Foundation
import WeirTesting

/// A page of the documentation.
struct Documentation {
    static let readme = Documentation("README.md")

    let path: String
    let text: String

    /// - Parameter path: the path within the checkout.
    init(_ path: String) {
        self.path = path
        text = (try? String(contentsOfFile: Peers.checkout + "/" + path, encoding: .utf8)) ?? ""
    }

    /// Replaces each line break and indentation by one blank.
    static func flowing(_ text: some StringProtocol) -> String {
        text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
    }

    /// Whether the page contains these words in this order, ignoring line breaks.
    func says(_ words: String) -> Bool { Self.flowing(text).contains(Self.flowing(words)) }

    /// The text below a second-level heading.
    func section(_ title: String) -> String {
        guard let start = text.range(of: "\n## \(title)\n") else { return "" }
        let rest = text[start.upperBound...]
        return String(rest.range(of: "\n## ").map { rest[..<$0.lowerBound] } ?? rest)
    }

    /// The fenced blocks of a language, in order.
    func blocks(_ language: String, before end: String? = nil) -> [String] {
        let part = end.flatMap { text.range(of: "\n## \($0)\n") }.map { text[..<$0.lowerBound] } ?? text[...]
        return part.components(separatedBy: "\n```\(language)\n").dropFirst().map {
            ($0.components(separatedBy: "\n```").first ?? "") + "\n"
        }
    }

    /// The text between single backticks outside fenced blocks.
    var inlineCode: [String] {
        let outside = text.components(separatedBy: "\n```").enumerated().filter { $0.offset % 2 == 0 }.map(\.element)
        return outside.flatMap { part in
            part.components(separatedBy: "`").enumerated().filter { $0.offset % 2 == 1 }.map(\.element)
        }
    }

    /// The sentences of running text, without its bold labels.
    static func sentences(_ text: String) -> [String] {
        text.components(separatedBy: "\n\n").filter { !$0.hasPrefix("|") && !$0.hasPrefix("```") }.flatMap {
            paragraph in
            let plain = flowing(paragraph.replacing(/\*\*[^*]+\*\*/, with: ""))
            return plain.components(separatedBy: ". ")
        }
    }

    /// The targets of its links, without links to other sites.
    var links: [String] {
        text.matches(of: /\]\(([^)]+)\)/).map { String($0.output.1) }.filter { !$0.contains("://") }
    }
}

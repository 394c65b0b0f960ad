import Columnar
import Foundation
import IcebergFormat
import Testing
import Topology
import WeirTesting

@testable import Expressions

/// Compares the pages of `docs/` with the code.
@Suite(.hangGuard) struct ManualTests {
    private static func commands() throws -> [ManualReference.Command] {
        try withTemporaryFolder { folder in
            let printed = try WeirBinary(folder: folder)("--experimental-dump-help")
            let help = try JSONDecoder().decode(ManualReference.Help.self, from: Data(printed.output.utf8))
            return help.command.leaves
        }
    }

    @Test func `each command has a page with its options and their defaults`() throws {
        let commands = try Self.commands()
        #expect(commands.count > 15)
        try ManualPages.check("commands.md", part: "commands", ManualReference.commands(commands))
        for command in commands {
            guard ManualPages.all.contains(command.page) else {
                Issue.record("docs/\(command.page) is missing: a page for 'weir \(command.path)'")
                continue
            }
            try ManualPages.check(command.page, part: "reference", ManualReference.reference(command))
            let text = try ManualPages.text(command.page)
            #expect(text.contains("## Exit status"), "docs/\(command.page)")
            #expect(text.contains("```console"), "docs/\(command.page) has no example")
        }
        let pages = Set(commands.map(\.page))
        for page in ManualPages.all where page.hasPrefix("commands/") && !pages.contains(page) {
            Issue.record("docs/\(page) describes a command that is not there")
        }
    }

    @Test func `each exit status is told`() throws {
        let source = ManualPages.root.appendingPathComponent("Sources/WeirCommands/ExitStatus.swift")
        let known = try String(contentsOf: source, encoding: .utf8).matches(of: /static let \w+: Int32 = (\d+)/)
            .map { String($0.1) }
        let told = ManualPages.firstCells(try ManualPages.text("commands.md"), of: "Status")
        #expect(told == known)
    }

    @Test func `each table property is told with its values and its default`() throws {
        for effect in TableProperty.Effect.allCases {
            try ManualPages.check(
                "table-properties.md",
                part: effect.rawValue,
                ManualReference.properties(effect)
            )
        }
    }

    @Test func `what runs keep in properties is told`() throws {
        let text = try ManualPages.text("table-properties.md")
        let sources = ManualPages.root.appendingPathComponent("Sources").path
        let files = FileManager.default.enumerator(atPath: sources)?.allObjects as? [String] ?? []
        var count = 0
        for file in files where file.hasSuffix(".swift") {
            let code = try String(contentsOfFile: sources + "/" + file, encoding: .utf8)
            for match in code.matches(of: /"(weir\.[a-z-]+\.)(\\\(|")/) {
                #expect(text.contains("`\(match.1)`"), "docs/table-properties.md lacks \(match.1)")
                count += 1
            }
        }
        #expect(count >= 5)
    }

    @Test func `pages name no other table properties`() throws {
        for page in ManualPages.all {
            for name in ManualPages.firstCells(try ManualPages.text(page), of: "table property") {
                #expect(TableProperties.property(named: name) != nil, "docs/\(page): \(name)")
            }
        }
    }

    @Test func `the defaults of properties are values they take`() {
        for property in TableProperties.all {
            guard let fallback = property.fallback, !fallback.contains(" "), !fallback.contains("`") else { continue }
            #expect(property.values.allows(fallback), "\(property.name): \(fallback)")
        }
    }

    @Test func `each key of a topology is told with its values and its default`() throws {
        let yaml = ManualPages.fences(try ManualPages.text("topology.md")).filter { $0.info == "yaml topology" }
            .flatMap(\.lines).joined(separator: "\n")
        for block in TopologyKeys.all {
            let part = block.block == "the topology" ? "top" : block.block
            try ManualPages.check("topology.md", part: part, ManualReference.keys(block))
            for key in block.keys {
                let begin = key.name.hasSuffix("*") ? String(key.name.dropLast()) : key.name + ":"
                #expect(yaml.contains(begin), "docs/topology.md has no example of \(key.name)")
            }
        }
    }

    @Test func `each function is told with its arguments`() throws {
        let signatures = ManualPages.firstCells(try ManualPages.text("sql.md"), of: "Function")
        var told: Set<String> = []
        for signature in signatures {
            let match = try #require(try /(\w+)\((.*)\)/.wholeMatch(in: signature), "\(signature)")
            let name = String(match.1)
            told.insert(name)
            guard let function = Binder.functions[name] else {
                Issue.record("docs/sql.md has a function that is not there: \(name)")
                continue
            }
            let parts = match.2.split(separator: ",")
            let optional = match.2.contains("[") ? parts.count(where: { $0.contains("]") }) : 0
            let isOpen = match.2.contains("…")
            let least = parts.count - optional - (isOpen ? 1 : 0)
            let most = isOpen ? Int.max : parts.count
            #expect(function.arguments == least...most, "\(signature)")
        }
        for name in Binder.functions.keys.sorted() where name != "-" && !told.contains(name) {
            Issue.record("docs/sql.md lacks the function \(name)")
        }
    }

    @Test func `expressions give what the manual says`() throws {
        let row = ColumnBatch(schema: Schema([]), columns: [], count: 1)
        var seen: Set<String> = []
        for fence in ManualPages.fences(try ManualPages.text("sql.md")) where fence.info == "sql" {
            for line in fence.lines {
                let parts = line.split(separator: " -- ", maxSplits: 1).map {
                    $0.trimmingCharacters(in: .whitespaces)
                }
                try #require(parts.count == 2, "\(line)")
                let bound = try SQLExpression.parse(parts[0]).bind(to: row.schema)
                for name in Binder.functions.keys where parts[0].contains(name + "(") { seen.insert(name) }
                let (_, failures) = try bound.evaluate(row)
                if let failure = failures.first {
                    let reason = failure.reason.split(separator: ": ", maxSplits: 1).last.map(String.init) ?? ""
                    #expect(parts[1] == "error: \(reason)", "\(line)")
                    continue
                }
                let text = try SQLExpression.parse("CAST(\(parts[0]) AS STRING)").bind(to: row.schema).evaluate(row)
                var shown = "null"
                if case .string(let value) = text.column.scalar(0) { shown = value }
                #expect(parts[1] == "\(bound.type): \(shown)", "\(line)")
            }
        }
        for name in Binder.functions.keys.sorted() where name != "-" && !seen.contains(name) {
            Issue.record("docs/sql.md has no example of \(name)")
        }
    }

    @Test func `topologies of the manual have no problems`() throws {
        var count = 0
        for page in ManualPages.all {
            for fence in ManualPages.fences(try ManualPages.text(page)) where fence.info == "yaml topology" {
                let yaml = fence.lines.joined(separator: "\n")
                let problems = Topology.check(yaml: yaml, environment: ["KAFKA_PASSWORD": "x"]).problems
                #expect(problems.filter { $0.severity != .note }.isEmpty, "docs/\(page):\(fence.number): \(problems)")
                count += 1
            }
        }
        #expect(count >= 3)
    }

    @Test func `each environment variable is told`() throws {
        var known: Set<String> = []
        for folder in ["Sources", "Tests", "scripts", ".ci", "Makefile"] {
            let start = ManualPages.root.appendingPathComponent(folder)
            var paths = [start.path]
            if let inside = FileManager.default.enumerator(atPath: start.path)?.allObjects as? [String] {
                paths += inside.map { start.path + "/" + $0 }
            }
            for path in paths where !path.contains("/Fixtures/") || path.hasSuffix(".py") {
                guard let text = try? String(contentsOfFile: path, encoding: .utf8) else { continue }
                if path.hasSuffix(".swift") {
                    for match in text.matches(of: /"(WEIR_[A-Z_]+|NO_COLOR)"/) { known.insert(String(match.1)) }
                } else if !path.hasSuffix(".h"), !path.hasSuffix(".cpp"), !path.hasSuffix(".c") {
                    for match in text.matches(of: /\bWEIR_[A-Z_]+\b/) { known.insert(String(match.0)) }
                }
            }
        }
        known.remove("WEIR_TEST_SECRET")
        let told = Set(ManualPages.firstCells(try ManualPages.text("environment.md"), of: "Variable"))
        for name in known.subtracting(told).sorted() { Issue.record("docs/environment.md lacks \(name)") }
        for name in told.subtracting(known).sorted() {
            Issue.record("docs/environment.md has what the code lacks: \(name)")
        }
    }

    @Test func `links lead somewhere`() throws {
        let pages =
            ManualPages.all.map { ($0, ManualPages.folder.appendingPathComponent($0)) }
            + [("../README.md", ManualPages.root.appendingPathComponent("README.md"))]
        for (page, url) in pages {
            for match in try String(contentsOf: url, encoding: .utf8).matches(of: /\]\(([^)\s]+)\)/) {
                let link = String(match.1)
                if link.contains("://") { continue }
                let parts = link.split(separator: "#", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
                let target = parts[0].isEmpty ? url : url.deletingLastPathComponent().appendingPathComponent(parts[0])
                guard FileManager.default.fileExists(atPath: target.path) else {
                    Issue.record("docs/\(page): \(link) leads nowhere")
                    continue
                }
                guard parts.count == 2, target.path.hasSuffix(".md") else { continue }
                let text = try String(contentsOf: target, encoding: .utf8)
                let anchors = text.split(separator: "\n").filter { $0.hasPrefix("#") }.map(Self.anchor)
                #expect(anchors.contains(parts[1]), "docs/\(page): \(link)")
            }
        }
        let index = try ManualPages.text("README.md") + ManualPages.text("commands.md")
        for page in ManualPages.all where page != "README.md" {
            #expect(index.contains("(\(page)"), "docs/README.md has no link to \(page)")
        }
    }

    /// The anchor that GitHub generates for a heading.
    private static func anchor(_ heading: Substring) -> String {
        let text = heading.drop { $0 == "#" }.trimmingCharacters(in: .whitespaces).lowercased()
        return String(text.filter { $0.isLetter || $0.isNumber || $0 == " " || $0 == "-" || $0 == "_" })
            .replacingOccurrences(of: " ", with: "-")
    }
}

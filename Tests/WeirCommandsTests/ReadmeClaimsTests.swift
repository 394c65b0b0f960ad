import ArgumentParser
import Foundation
import Testing
import WeirTesting

@testable import WeirCommands

/// Checks that tests prove the README's promises: those of `ReadmeClaim.all`, and those with tests named by their
/// words.
@Suite(.hangGuard) struct ReadmeClaimsTests {
    private static let readme = Documentation.readme

    /// The claims that tests of this target prove according to their names.
    private static let namedClaims: [String] = {
        let folder = Peers.checkout + "/Tests/WeirCommandsTests/"
        let sources = ["ReadmeUsageTests.swift", "ReadmeLimitsTests.swift"].map {
            (try? String(contentsOfFile: folder + $0, encoding: .utf8)) ?? ""
        }
        return sources.flatMap { source in
            source.matches(of: /@Test\(\s*"((?:[^"\\]|\\.)*)"/).map {
                $0.output.1.replacingOccurrences(of: "\\\"", with: "\"")
            }
        }
    }()

    @Test func `claims are quoted from the README, and the tests that prove them are there`() throws {
        #expect(Self.namedClaims.count > 15)
        for claim in Self.namedClaims { #expect(Self.readme.says(claim), "the README does not say: \(claim)") }
        let tests = try Self.testsByFile()
        for claim in ReadmeClaim.all {
            #expect(Self.readme.says(claim.words), "the README does not say: \(claim.words)")
            #expect(!claim.proofs.isEmpty)
            for proof in claim.proofs {
                #expect(tests[proof.file]?.contains("`\(proof.test)`") == true, "no test \(proof)")
            }
        }
        for words in ReadmeClaim.untestable { #expect(Self.readme.says(words), "the README does not say: \(words)") }
    }

    @Test func `every guarantee and every rule of the commands has a test`() {
        let claims = (Self.namedClaims + ReadmeClaim.all.map(\.words) + ReadmeClaim.untestable).map(
            Documentation.flowing
        )
        let rules = Self.readme.section("Commands").components(separatedBy: "\n- ").dropFirst().map {
            Documentation.flowing($0)
        }
        let guarantees = Documentation.sentences(Self.readme.section("Guarantees, and their limits"))
        #expect(rules.count >= 7 && guarantees.count > 20)
        for sentence in rules + guarantees where sentence.count > 12 {
            let isProven = claims.contains { sentence.contains($0) || $0.contains(sentence) }
            #expect(isProven, "no test proves: \(sentence)")
        }
    }

    /// The names of test functions in the files of all test targets.
    private static func testsByFile() throws -> [String: String] {
        let root = Peers.checkout + "/Tests"
        var texts: [String: String] = [:]
        let names = FileManager.default.enumerator(atPath: root)?.compactMap { $0 as? String } ?? []
        for name in names where name.hasSuffix("Tests.swift") {
            let text = try String(contentsOfFile: "\(root)/\(name)", encoding: .utf8)
            let file = URL(fileURLWithPath: name).deletingPathExtension().lastPathComponent
            texts[file] = text.matches(of: /func (`[^`]+`)/).map { String($0.output.1) }.joined(separator: "\n")
        }
        return texts
    }

    @Test func `the README is short, and its links lead somewhere`() throws {
        #expect(Self.readme.text.split(separator: "\n", omittingEmptySubsequences: false).count < 300)
        #expect(Self.readme.says("Version \(WeirVersion.number)"))
        let pages = try FileManager.default.contentsOfDirectory(atPath: Peers.checkout + "/docs")
            .filter { $0.hasSuffix(".md") }.map { Documentation("docs/\($0)") }
        for page in [Self.readme] + pages {
            #expect(!page.text.isEmpty)
            let folder = URL(fileURLWithPath: Peers.checkout + "/" + page.path).deletingLastPathComponent()
            for link in page.links {
                let parts = link.components(separatedBy: "#")
                let target = parts[0].isEmpty ? Peers.checkout + "/" + page.path : folder.path + "/" + parts[0]
                #expect(FileManager.default.fileExists(atPath: target), "\(page.path) links to \(link)")
            }
        }
    }

    @Test func `commands, options and jobs that the README names are there`() throws {
        let makefile = Documentation("Makefile").text
        for code in Self.readme.inlineCode {
            let words = code.replacingOccurrences(of: "|", with: " ").split(separator: " ").map(String.init)
            if words.first == "make", words.count == 2 {
                #expect(makefile.contains("\n\(words[1]): "), "\(code)")
            }
            guard words.first == "weir", words.count > 1, words[1].allSatisfy(\.isLowercase) else { continue }
            let help = try #require(Self.help(words[1]), "\(code)")
            for option in words where option.hasPrefix("--") { #expect(help.contains(option), "\(code)") }
        }
        let all = Self.commands(Weir.self).map(\.help).joined()
        for option in Self.readme.inlineCode where option.hasPrefix("--") && !option.contains(" ") {
            #expect(all.contains(option) || ["--help", "--profile"].contains(option), "\(option)")
        }
        let verbs = Weir.configuration.subcommands.compactMap { $0.configuration.commandName }
        for verb in verbs { #expect(Self.readme.text.contains("| `weir \(verb)"), "\(verb)") }
        for verb in ["log", "table"] {
            let line = Self.readme.text.split(separator: "\n").first { $0.hasPrefix("| `weir \(verb) ") } ?? ""
            for (name, _) in Self.commands(Weir.self).filter({ $0.name.hasPrefix("\(verb) ") }) {
                #expect(line.contains(name.split(separator: " ")[1]), "\(name)")
            }
        }
    }

    /// The commands without subcommands, such as `table drop`, with their help.
    static func commands(_ command: any ParsableCommand.Type, _ path: [String] = []) -> [(
        name: String, help: String
    )] {
        let children = command.configuration.subcommands
        guard children.isEmpty else {
            return children.flatMap { commands($0, path + [$0.configuration.commandName ?? ""]) }
        }
        return [(path.joined(separator: " "), Weir.helpMessage(for: command, columns: 1000))]
    }

    private static func help(_ verb: String) -> String? {
        Weir.configuration.subcommands.first { $0.configuration.commandName == verb }.map {
            Weir.helpMessage(for: $0, columns: 1000)
        }
    }
}

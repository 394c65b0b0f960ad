import Bytes
import Foundation

/// A failure as people read it on standard error: what and where on one line, what to do on the next.
struct ErrorReport {
    let message: String
    let hints: [String]

    init(message: String, hints: [String] = []) {
        self.message = message
        self.hints = hints
    }

    init(_ error: WeirError) {
        message = error.location.map { "\(error.message) (\($0))" } ?? error.message
        hints = error.advice.map { [$0] } ?? []
    }

    /// A mistake in the arguments, from the parser's texts.
    init(usage message: String, full: String) {
        let lines = message.split(whereSeparator: \.isNewline).map { $0.trimmingCharacters(in: .whitespaces) }
        let first = lines.first ?? "the arguments cannot be understood"
        self.message = first.prefix(1).lowercased() + first.dropFirst()
        // "See 'weir scan --help' for more information." names the command that was meant.
        let command = full.split(separator: "'").first { $0.hasPrefix("weir") && $0.hasSuffix("--help") }
        let advice = lines.dropFirst().filter { !$0.isEmpty } + [Self.nearestVerb(first)].compactMap(\.self)
        hints = advice + ["see '\(command.map(String.init) ?? "weir --help")'"]
    }

    /// What a misspelt verb was probably meant to be: the parser takes one for an argument too many.
    private static func nearestVerb(_ message: String) -> String? {
        guard message.hasPrefix("Unexpected argument"), let word = message.split(separator: "'").dropFirst().first
        else {
            return nil
        }
        let verbs = Weir.configuration.subcommands.compactMap { $0.configuration.commandName }
        return NearestName.nearest(to: String(word), among: verbs).map { "did you mean 'weir \($0)'?" }
    }

    var text: String { text(prefix: "weir: error:") }

    private func text(prefix: String) -> String {
        ([prefix + " " + message] + hints.map { "  hint: " + $0 }).joined(separator: "\n") + "\n"
    }

    func print() {
        let prefix = Terminal.error.usesColor ? "\u{1b}[31mweir: error:\u{1b}[0m" : "weir: error:"
        Terminal.write(text(prefix: prefix), to: STDERR_FILENO)
    }
}

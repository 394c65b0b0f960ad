import Bytes
import Foundation

/// An error as printed on standard error: what and where on one line, advice on the next.
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

    /// A usage error, from the argument parser's messages.
    init(usage message: String, full: String, arguments: [String] = []) {
        let lines = message.split(whereSeparator: \.isNewline).map { $0.trimmingCharacters(in: .whitespaces) }
        let first = lines.first ?? "the arguments cannot be understood"
        // "See 'weir scan --help' for more information." names the command. If the command itself fails, it is only
        // "weir".
        let help = full.split(separator: "'").first { $0.hasPrefix("weir") && $0.hasSuffix("--help") }
        let told = help.map { $0.split(separator: " ").dropLast().map(String.init) } ?? []
        let called = UsageMistake.command(of: arguments)
        let command = told.count > called.count ? told : called
        let mistake = UsageMistake(first, command: command, arguments: arguments)
        self.message = mistake.message ?? first.prefix(1).lowercased() + first.dropFirst()
        let advice = lines.dropFirst().filter { !$0.isEmpty } + [mistake.advice].compactMap(\.self)
        hints = advice + ["see '\(command.joined(separator: " ")) --help'"]
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

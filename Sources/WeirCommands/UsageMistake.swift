import ArgumentParser
import Bytes

/// Turns the argument parser's errors into better messages for a mistyped command or option.
struct UsageMistake {
    /// Replaces the parser's message; nil to keep it.
    private(set) var message: String?
    private(set) var advice: String?

    /// - Parameters:
    ///   - parsed: the parser's message.
    ///   - command: the names of the commands parsed so far: `weir`, `log`.
    init(_ parsed: String, command: [String], arguments: [String]) {
        let quoted = parsed.split(separator: "'", omittingEmptySubsequences: false).enumerated()
            .filter { $0.offset % 2 == 1 }.map { String($0.element) }
        guard let word = quoted.first else { return }
        let type = Self.command(command)
        let hasSubcommands = !(type?.configuration.subcommands.isEmpty ?? true)
        if parsed.contains("nexpected argument"), hasSubcommands, let type {
            // The parser reports a misspelt command as unexpected arguments.
            message = "unknown command '\((command.dropFirst() + [word]).joined(separator: " "))'"
            advice = Self.nearest(to: word, below: type, command)
        } else if parsed.hasPrefix("Unknown option"), hasSubcommands, let type {
            advice = Self.owner(of: word, below: type, command)
        } else if parsed.hasPrefix("Missing value for"), let option = word.split(separator: " ").first,
            let index = arguments.firstIndex(of: String(option)), index + 1 < arguments.count
        {
            // The parser does not accept a value that looks like an option.
            advice = "a value that begins with '-' is given as \(option)=\(arguments[index + 1])"
        }
    }

    /// Reports what a body finds wrong with the arguments as the parser reports its own errors.
    static func check(_ body: () throws(WeirError) -> Void) throws {
        do throws(WeirError) {
            try body()
        } catch {
            throw ValidationError([error.message, error.advice].compactMap(\.self).joined(separator: "\n"))
        }
    }

    /// `weir help` of an unknown command. The parser would show its own help instead.
    static func ofHelp(_ arguments: [String]) -> ErrorReport? {
        guard arguments.first == "help" else { return nil }
        var command = ["weir"]
        for word in arguments.dropFirst() where !word.hasPrefix("-") {
            guard let type = Self.command(command), !type.configuration.subcommands.isEmpty else { return nil }
            guard Self.command(command + [word]) != nil || word == "help" else {
                let advice = nearest(to: word, below: type, command)
                let name = (command.dropFirst() + [word]).joined(separator: " ")
                let hints = [advice, "see '\(command.joined(separator: " ")) --help'"].compactMap(\.self)
                return ErrorReport(message: "unknown command '\(name)'", hints: hints)
            }
            command.append(word)
        }
        return nil
    }

    /// The names of the command that arguments call: `weir`, `table`, `drop`.
    static func command(of arguments: [String]) -> [String] {
        var names = ["weir"]
        for argument in arguments {
            guard command(names + [argument]) != nil else { break }
            names.append(argument)
        }
        return names
    }

    private static func command(_ names: [String]) -> (any ParsableCommand.Type)? {
        var found: any ParsableCommand.Type = Weir.self
        for name in names.dropFirst() {
            guard let next = found.configuration.subcommands.first(where: { $0.configuration.commandName == name })
            else { return nil }
            found = next
        }
        return found
    }

    /// Suggests the nearest command at this level, or a command with that name at another level.
    private static func nearest(
        to word: String,
        below type: any ParsableCommand.Type,
        _ command: [String]
    ) -> String? {
        let names = type.configuration.subcommands.compactMap { $0.configuration.commandName }
        if let near = NearestName.nearest(to: word, among: names) {
            return "did you mean '\((command + [near]).joined(separator: " "))'?"
        }
        for group in Weir.configuration.subcommands {
            for path in [[group]] + group.configuration.subcommands.map({ [group, $0] }) {
                let path = path.compactMap { $0.configuration.commandName }
                if path.last == word { return "did you mean 'weir \(path.joined(separator: " "))'?" }
            }
        }
        return "commands are \(names.joined(separator: ", "))"
    }

    /// Advice for an option given before its command: names the subcommand that has the option.
    private static func owner(
        of option: String,
        below type: any ParsableCommand.Type,
        _ command: [String]
    ) -> String? {
        var owners: [String: String] = [:]
        for child in type.configuration.subcommands {
            guard let name = child.configuration.commandName, child.configuration.subcommands.isEmpty else { continue }
            let words = Weir.helpMessage(for: child).split { !($0.isLetter || $0 == "-") }
            for word in words where word.hasPrefix("--") && owners[String(word)] == nil { owners[String(word)] = name }
        }
        guard let near = NearestName.nearest(to: option, among: owners.keys.sorted()), let name = owners[near] else {
            return "options stand behind the command"
        }
        return "options stand behind the command: '\((command + [name]).joined(separator: " ")) … \(near)'"
    }
}

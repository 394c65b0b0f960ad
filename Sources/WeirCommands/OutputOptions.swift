import ArgumentParser

/// The format of results.
enum OutputFormat: String, ExpressibleByArgument, CaseIterable, Sendable {
    case table, json, csv
}

/// Options that every command takes.
struct OutputOptions: ParsableArguments {
    @Option(name: [.customShort("o"), .customLong("output")], help: "table, json (one object a line) or csv.")
    var format: OutputFormat = .table

    @OptionGroup var talk: TalkOptions
}

/// Options for what a command prints besides its result.
struct TalkOptions: ParsableArguments {
    @Flag(name: .long, help: "Print results and errors only.")
    var quiet = false

    @Flag(name: .long, help: "Use no colour; NO_COLOR does the same.")
    var noColor = false

    /// Progress rewrites its line, so it is shown only on a terminal.
    var showsProgress: Bool { !quiet && Terminal.error.isTerminal }

    func note(_ text: String) { if !quiet { Terminal.note(text) } }
}

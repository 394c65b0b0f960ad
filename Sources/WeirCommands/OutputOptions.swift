import ArgumentParser

/// How results are printed.
enum OutputFormat: String, ExpressibleByArgument, CaseIterable, Sendable {
    case table, json, csv
}

/// What every command takes.
struct OutputOptions: ParsableArguments {
    @Option(name: [.customShort("o"), .customLong("output")], help: "table, json (one object a line) or csv.")
    var format: OutputFormat = .table

    @OptionGroup var talk: TalkOptions
}

/// How much a command says besides its result.
struct TalkOptions: ParsableArguments {
    @Flag(name: .long, help: "Print results and errors only.")
    var quiet = false

    @Flag(name: .long, help: "Use no colour; NO_COLOR does the same.")
    var noColor = false

    /// Progress that rewrites its line is for people who watch.
    var showsProgress: Bool { !quiet && Terminal.error.isTerminal }

    func note(_ text: String) { if !quiet { Terminal.note(text) } }
}

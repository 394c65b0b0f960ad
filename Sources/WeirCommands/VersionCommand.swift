import ArgumentParser

struct VersionCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "version",
        abstract: "Print the version.",
        discussion: "Example: weir version -o json"
    )

    @OptionGroup var output: OutputOptions

    func run() throws {
        switch output.format {
        case .table: try StandardOutput.printLine("weir \(WeirVersion.number)")
        case .json: try StandardOutput.printLine("{\"name\":\"weir\",\"version\":\"\(WeirVersion.number)\"}")
        case .csv: try StandardOutput.printLine("name,version\nweir,\(WeirVersion.number)")
        }
    }
}

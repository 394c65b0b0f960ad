import ArgumentParser
import Bytes
import IcebergFormat
import IcebergTables
import MixedTables
import Optimizing

struct CleanCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "clean",
        abstract: "List the files in a table's folders that it does not need; quarantine and delete them.",
        discussion: """
            Without a flag it lists them and changes nothing. A file is of class 'expired' if only snapshots named it that \
            have expired, 'metadata' or 'orphan' if nothing shows that it was ever part of the table; those count only once \
            they are older than clean-orphan-file.min-existing-time-minutes, since a commit in the making may need them. \
            --quarantine notes them in a list in the metadata folder and leaves them where they are. --delete looks again, and \
            deletes those that have been on the list for table-expire.quarantine-minutes, have not changed, and are not \
            needed still. --undo takes all off the list. Example:
              weir clean shop.orders
              weir clean shop.orders --quarantine
              weir clean shop.orders --delete
            """
    )

    @OptionGroup var options: WarehouseOptions
    @OptionGroup var output: OutputOptions

    @Argument(help: "The table, as DB.TABLE.")
    var table: String

    @Flag(help: "Put what is found in quarantine.")
    var quarantine = false

    @Flag(help: "Delete what has been in quarantine for long enough.")
    var delete = false

    @Flag(help: "Take everything out of quarantine.")
    var undo = false

    @Option(help: "How long files stand in quarantine, such as 2h (default: table-expire.quarantine-minutes, 60).")
    var grace: String?

    func validate() throws {
        if [quarantine, delete, undo].filter({ $0 }).count > 1 {
            throw ValidationError("--quarantine, --delete and --undo exclude each other")
        }
        if let grace, FlinkDuration.milliseconds(grace) == nil {
            throw ValidationError("'\(grace)' is no value of --grace\nwrite a duration such as 2h or 90min")
        }
    }

    func run() throws {
        let source = try options.locations().table(table)
        let settings = MaintenanceSettings(source.properties)
        for name in settings.refused {
            output.talk.note("property '\(name)' has no value of its kind; its default is in force")
        }
        if quarantine || delete || undo { try Self.checkOwned(source, settings) }
        let cleaning = TableCleaning(
            source,
            neighbours: try NeighbourFolders(of: source.base.catalog),
            quarantineMs: grace.flatMap { FlinkDuration.milliseconds($0) },
            nowMs: TimeText.nowMilliseconds
        )
        if undo {
            let count = try cleaning.undo()
            return output.talk.note("\(HumanText.count(count, "file")) taken out of quarantine")
        }
        let all = Set(FoundFileClass.allCases)
        let outcome = try cleaning.run(.init(quarantines: quarantine ? all : [], deletes: delete ? all : []))
        try list(outcome)
        tell(outcome)
        try Self.failIfAny(outcome)
    }

    /// Files of other tables are their owners' business.
    private static func checkOwned(_ source: MixedTable, _ settings: MaintenanceSettings) throws(WeirError) {
        if settings.isMixed || settings.deletesExpired || settings.deletesOrphans { return }
        throw WeirError(
            .invalid,
            "'\(source.identifier)' is not a Mixed table: its owner cleans it",
            advice: "weir table alter \(source.identifier) --set clean-orphan-file.enabled=true has Weir do it"
        )
    }

    private func list(_ outcome: TableCleaning.Outcome) throws(WeirError) {
        var listing = Listing("store", "class", "state", "until", "modified", "bytes", "writer", "path")
        for item in outcome.items {
            let (state, until) = Self.words(item.fate)
            listing.add(
                .string(item.store.description),
                .string(item.file.fileClass.rawValue),
                .string(state),
                until.map { .string(TimeText.text($0)) } ?? .null,
                .string(TimeText.text(item.file.modifiedMs)),
                .integer(item.file.size),
                .string(item.file.writer),
                .string(item.file.path)
            )
        }
        if listing.rows.isEmpty, output.format == .table {
            return try StandardOutput.printLine("\(table) has no file that it does not need")
        }
        try listing.print(output.format, to: StandardOutput())
    }

    private static func words(_ fate: TableCleaning.Fate) -> (state: String, untilMs: Int64?) {
        switch fate {
        case .left(.young(let until)): ("young", until)
        case .left(.found): ("unreached", nil)
        case .left(.held(let until)): ("quarantine", until)
        case .left(.due): ("due", nil)
        case .quarantined(let until): ("quarantine", until)
        case .deleted: ("deleted", nil)
        case .failed: ("failed", nil)
        }
    }

    private func tell(_ outcome: TableCleaning.Outcome) {
        func note(_ words: String, _ isCounted: (TableCleaning.Fate) -> Bool) {
            let (files, bytes) = outcome.count(isCounted)
            if files > 0 { output.talk.note("\(HumanText.count(files, "file")), \(HumanText.bytes(bytes)) \(words)") }
        }
        note("can be put in quarantine: --quarantine") { $0 == .left(.found) }
        note("in quarantine for long enough: --delete deletes them") { $0 == .left(.due) }
        note("put in quarantine; --delete deletes them later, --undo takes them out") {
            if case .quarantined = $0 { true } else { false }
        }
        note("deleted") { $0 == .deleted }
        for path in outcome.reclaimed { output.talk.note("out of quarantine, since the table needs it: \(path)") }
    }

    /// Fails if a file could not be deleted.
    static func failIfAny(_ outcome: TableCleaning.Outcome) throws(WeirError) {
        let errors = outcome.items.compactMap { if case .failed(let error) = $0.fate { error } else { nil } }
        guard let first = errors.first else { return }
        throw WeirError(
            first.code,
            "\(HumanText.count(errors.count, "file")) could not be deleted: \(first.message)",
            at: first.location,
            advice: first.advice ?? "they stay in quarantine"
        )
    }
}

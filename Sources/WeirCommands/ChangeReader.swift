import Bytes
import ChangeEvents
import LogStores
import MixedTables
import StreamRuntime

/// Reads a table from a place on: rows, then changes from its files, then those to come from its LogStore or its files.
final class ChangeReader {
    private let printer: ChangePrinter
    private let logs: TopologyLogs
    private let follows: Bool
    private let keepsPlace: Bool

    init(_ printer: ChangePrinter, _ logs: TopologyLogs, follows: Bool, keepsPlace: Bool) {
        self.printer = printer
        self.logs = logs
        self.follows = follows
        self.keepsPlace = keepsPlace
    }

    /// Fails with `unsupported` for a table that cannot be read as is asked for.
    func check(_ table: MixedTable) throws(WeirError) {
        let what = keepsPlace ? "--consumer" : "--markers"
        guard keepsPlace || printer.hasMarkers else { return }
        try table.checkNumbered(what)
        let settings = try LogStoreSettings(table.properties, isKeyed: table.isKeyed)
        guard settings.isEnabled, try !EmitMode(table.properties, hasLogStore: true).writesFiles else { return }
        throw WeirError(
            .unsupported,
            "\(what) goes by commits, and \(table.identifier) has its changes in the LogStore alone",
            at: "property mixed-format.emit.mode",
            advice: "set it to 'auto' or 'file,log', or leave \(what) out"
        )
    }

    /// - Parameter takesWhatIsThere: whether to read the remaining changes if others no longer exist, instead of failing.
    func run(
        _ table: MixedTable,
        takesWhatIsThere: Bool,
        _ progress: ConsumerProgress? = nil
    ) throws(WeirError) {
        var current = table
        var takesWhatIsThere = takesWhatIsThere
        if printer.place.rows != nil { try printer.printRows(of: current, progress) }
        while !printer.isDone {
            if current.newestChange != printer.place.position || printer.place.skip.count > 0 {
                try printer.printChanges(of: current, takesWhatIsThere: takesWhatIsThere, progress)
            }
            takesWhatIsThere = false
            guard follows, !printer.isDone else { break }
            if try followLog(of: current, progress) {
                current = try current.refreshed()
                continue
            }
            // One catalog query shows whether the table changed. It is cheap enough to poll at this interval.
            printer.out.pauseWhileRead(milliseconds: 50)
            try progress?.keep()
            current = try current.refreshed()
        }
    }

    /// Follows the table in its LogStore until the reader is done. Returns false if the table cannot be followed there
    /// now, and true if the log was trimmed: then the change store is read behind the printer's place.
    private func followLog(of table: MixedTable, _ progress: ConsumerProgress?) throws(WeirError) -> Bool {
        // A limit may stop amid a commit, and only the files tell which of its changes come first.
        if keepsPlace, printer.isLimited { return false }
        let settings = try LogStoreSettings(table.properties, isKeyed: table.isKeyed)
        let isOrdered = keepsPlace || printer.hasMarkers
        guard settings.isEnabled, try EmitMode(table.properties, hasLogStore: true).writesLog,
            let follower = try LogStoreFollower(
                table,
                log: logs.logStore(settings),
                settings: settings,
                inCommitOrder: isOrdered
            )
        else { return false }
        while !printer.isDone {
            switch try follower.next() {
            // A place is behind whole commits: what was read is printed, though the user wants to stop.
            case .changes(let batches): try keepsPlace ? printer.printAll(batches) : printer.print(batches)
            case .committed(let mark): try printer.end(mark)
            case .idle:
                printer.out.pauseWhileRead(milliseconds: 0)
                try follower.wait(milliseconds: isOrdered ? 20 : 100)
            case .trimmed(let undo, _):
                try keepsPlace ? printer.printAll(undo) : printer.print(undo)
                printer.place.end(at: follower.settled)
                return true
            }
            try progress?.keep()
        }
        if keepsPlace {
            while let step = follower.waiting() {
                switch step {
                case .changes(let batches): try printer.printAll(batches)
                case .committed(let mark): try printer.end(mark)
                case .idle, .trimmed: break
                }
            }
            // The next reader of the consumer gets what has no commit yet once more.
            try printer.printAll(follower.undo)
        }
        return true
    }
}

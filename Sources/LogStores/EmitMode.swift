import Bytes

/// What a streaming writer writes to: the property `mixed-format.emit.mode` (mixed format, section 9.1).
public struct EmitMode: Sendable, Equatable {
    public var writesFiles: Bool
    public var writesLog: Bool
    /// Nil writes the log from the start; otherwise writing to the log starts when the watermark is at most this many
    /// milliseconds behind the clock.
    public var watermarkGap: Int64?

    private static let property = "mixed-format.emit.mode"

    /// Fails with `invalid` for an unknown mode, and for `log` when the table has no log store.
    public init(_ properties: [String: String], hasLogStore: Bool) throws(WeirError) {
        let table = PropertyReader(properties)
        let text = table.text(Self.property) ?? "auto"
        let words = text.lowercased().split(separator: ",", omittingEmptySubsequences: false).map {
            String($0.filter { $0 != " " })
        }
        switch Set(words) {
        case ["auto"] where words.count == 1: (writesFiles, writesLog) = (true, hasLogStore)
        case ["file"] where words.count == 1: (writesFiles, writesLog) = (true, false)
        case ["log"] where words.count == 1: (writesFiles, writesLog) = (false, true)
        case ["file", "log"] where words.count == 2: (writesFiles, writesLog) = (true, true)
        default:
            throw table.refused(Self.property, text, allowed: ["auto", "file", "log", "file,log (either order)"])
        }
        if writesLog, !hasLogStore {
            throw WeirError(
                .invalid,
                "property \(Self.property) is '\(text)', but the table has no log store",
                advice: "set log-store.enabled to true, or \(Self.property) to file or auto"
            )
        }
        // Only auto waits for the files to catch up; the other modes specify explicitly what is written.
        let gap = try table.duration("mixed-format.emit.auto-write-to-logstore.watermark-gap")
        watermarkGap = words == ["auto"] && writesLog ? gap : nil
    }
}

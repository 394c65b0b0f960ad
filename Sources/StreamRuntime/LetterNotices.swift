/// When and how dead letters are reported during a run: the first one at once, then their number and the latest one, at
/// most every half minute. Letters that were held back are reported when the half minute is over, whether or not more
/// come.
struct LetterNotices {
    private let path: String
    private var untold = 0
    private var lastTold: ContinuousClock.Instant?
    /// The record of the last letter: several tables may refuse one record.
    private var last: (topic: String, partition: Int, offset: Int64)?
    /// The last letter to report.
    private var latest: DeadLetter?
    /// Records that became letters.
    private(set) var records = 0

    static let every = Duration.seconds(30)
    private static let reasonMax = 300

    /// - Parameter path: the dead-letter file.
    init(path: String) { self.path = path }

    /// Counts a letter; returns the message to report now, if any.
    ///
    /// - Parameter isOld: whether the letter was reported when the record was read before.
    mutating func take(_ letter: DeadLetter, isOld: Bool = false, at now: ContinuousClock.Instant) -> String? {
        if last.map({ $0 != (letter.topic, letter.partition, letter.offset) }) ?? true { records += 1 }
        last = (letter.topic, letter.partition, letter.offset)
        if isOld { return nil }
        untold += 1
        latest = letter
        return due(at: now)
    }

    /// The message for letters that were held back, when it is due.
    mutating func due(at now: ContinuousClock.Instant) -> String? {
        guard untold > 0, let letter = latest, lastTold.map({ now - $0 >= Self.every }) ?? true else { return nil }
        lastTold = now
        defer { untold = 0 }
        let location = "topic \(letter.topic), partition \(letter.partition), offset \(letter.offset)"
        let table = letter.table.map { ", for \($0)" } ?? ""
        let reason = letter.reason.prefix(Self.reasonMax)
        if untold == 1 { return "a record could not be taken in (\(location)\(table)): \(reason); see \(path)" }
        return "\(untold) more dead letters, the latest (\(location)\(table)): \(reason); see \(path)"
    }
}

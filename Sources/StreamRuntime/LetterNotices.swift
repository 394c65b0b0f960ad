/// When and how dead letters are told while a run goes on: the first at once, then how many there were and the latest one,
/// every half minute at most. What was held back is told when the half minute is over, whether or not more come.
struct LetterNotices {
    private let path: String
    private var untold = 0
    private var lastTold: ContinuousClock.Instant?
    /// The record of the last letter: several tables may refuse one record.
    private var last: (topic: String, partition: Int, offset: Int64)?
    /// The last one that is to be told.
    private var latest: DeadLetter?
    /// Records that became letters.
    private(set) var records = 0

    static let every = Duration.seconds(30)
    private static let reasonMax = 300

    /// - Parameter path: of the file that takes them.
    init(path: String) { self.path = path }

    /// Takes note of a letter; returns what is to be told now.
    ///
    /// - Parameter isOld: whether an earlier reading of the record has told it.
    mutating func take(_ letter: DeadLetter, isOld: Bool = false, at now: ContinuousClock.Instant) -> String? {
        if last.map({ $0 != (letter.topic, letter.partition, letter.offset) }) ?? true { records += 1 }
        last = (letter.topic, letter.partition, letter.offset)
        if isOld { return nil }
        untold += 1
        latest = letter
        return due(at: now)
    }

    /// What was held back and is to be told by now.
    mutating func due(at now: ContinuousClock.Instant) -> String? {
        guard untold > 0, let letter = latest, lastTold.map({ now - $0 >= Self.every }) ?? true else { return nil }
        lastTold = now
        defer { untold = 0 }
        let place = "topic \(letter.topic), partition \(letter.partition), offset \(letter.offset)"
        let table = letter.table.map { ", for \($0)" } ?? ""
        let reason = letter.reason.prefix(Self.reasonMax)
        if untold == 1 { return "a record could not be taken in (\(place)\(table)): \(reason); see \(path)" }
        return "\(untold) more dead letters, the latest (\(place)\(table)): \(reason); see \(path)"
    }
}

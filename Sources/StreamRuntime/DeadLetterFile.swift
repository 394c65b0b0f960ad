import Bytes
import ChangeEvents
import Foundation
import ObjectStorage

/// `<warehouse>/dead-letters/<topology>.ndjson`: the records and changes that a topology could not take in, one JSON
/// object per line.
///
/// Letters are written and synced before the commit whose positions cover them. After a crash in between, the records
/// are read again; letters that the file already has are not written again.
final class DeadLetterFile {
    let path: String
    private let files: any FileSystem
    private var file: (any OpenFile)?
    private var size: Int64 = 0
    private var known: Set<DeadLetterLine.Identity> = []
    /// How far the files of the topology's other processes have been read, by path.
    private var learnt: [String: Int64] = [:]
    /// Letters written by this run.
    private(set) var count: Int

    /// The clock for the letters' `time`.
    var now: () -> Date = { Date() }

    private static let readBytes = 1 << 20

    /// Reads the existing file in pieces. An incomplete last line, left by a crash, is truncated.
    ///
    /// - Parameters:
    ///   - count: letters that the run has written before.
    ///   - isRelevant: whether a record of this topic, partition and offset may be read again. Other letters are not
    ///     remembered.
    init(
        path: String,
        files: any FileSystem,
        count: Int = 0,
        isRelevant: (_ topic: String, _ partition: Int, _ offset: Int64) -> Bool = { _, _, _ in true }
    ) throws(WeirError) {
        self.path = path
        self.files = files
        self.count = count
        // Partitions move between the processes of a topology: letters in the other processes' files are not written
        // again.
        try learnMore(isRelevant)
        guard try files.status(path) != nil else { return }
        let file = try files.open(path, .write)
        size = try learn(from: file, isRelevant)
        if try size < file.size() { try file.truncate(to: size) }
        self.file = file
    }

    /// Reads letters that other processes have written since, and forgets letters whose records cannot be read again.
    func learnMore(
        _ isRelevant: (_ topic: String, _ partition: Int, _ offset: Int64) -> Bool
    ) throws(WeirError) {
        known = known.filter { isRelevant($0.topic, $0.partition, $0.offset) }
        for other in try Self.others(of: path, files) {
            learnt[other] = try learn(from: try files.open(other, .read), at: learnt[other] ?? 0, isRelevant)
        }
    }

    /// The files of the topology's other processes: `orders.ndjson`, `orders.1.ndjson`, ….
    private static func others(of path: String, _ files: any FileSystem) throws(WeirError) -> [String] {
        func topology(_ name: String) -> String? {
            guard name.hasSuffix(".ndjson") else { return nil }
            let stem = name.dropLast(".ndjson".count)
            guard let dot = stem.lastIndex(of: "."), Int(stem[stem.index(after: dot)...]) != nil else {
                return String(stem)
            }
            return String(stem[..<dot])
        }
        let directory = path.parentDirectory
        guard try files.status(directory) != nil else { return [] }
        let own = path.lastPathComponent
        return try files.list(directory).map(\.name).filter { $0 != own && topology($0) == topology(own) }.sorted()
            .map { "\(directory)/\($0)" }
    }

    /// Remembers the letters of a file; returns the end of its last complete line.
    private func learn(
        from file: any OpenFile,
        at start: Int64 = 0,
        _ isRelevant: (_ topic: String, _ partition: Int, _ offset: Int64) -> Bool
    ) throws(WeirError) -> Int64 {
        let end = try file.size()
        var whole = start
        /// The incomplete line at the end of the last piece.
        var begun: [UInt8] = []
        var position = start
        while position < end {
            let piece = try file.read(count: Int(min(Int64(Self.readBytes), end - position)), at: position)
            if piece.isEmpty { break }
            var lineStart = 0
            while let lineEnd = piece[lineStart...].firstIndex(of: 0x0a) {
                begun += piece[lineStart..<lineEnd]
                if let letter = DeadLetterLine.identity(begun),
                    isRelevant(letter.topic, letter.partition, letter.offset)
                {
                    known.insert(letter)
                }
                begun.removeAll(keepingCapacity: begun.count <= Self.readBytes)
                lineStart = lineEnd + 1
                whole = position + Int64(lineStart)
            }
            begun += piece[lineStart...]
            position += Int64(piece.count)
        }
        return whole
    }

    /// Forgets letters of records before these positions. Every table has stored the positions, so the records are not
    /// read again.
    func forget(below positions: PositionLedger) {
        if known.isEmpty { return }
        known = known.filter { letter in
            (positions.next(TopicPartition(topic: letter.topic, partition: letter.partition)) ?? .min) <= letter.offset
        }
    }

    /// Letters of records that may be read again.
    var earlier: EarlierLetters { EarlierLetters(known) }

    /// Letters that are remembered, because their records may be read again.
    var knownCount: Int { known.count }

    /// Appends letters and waits until they are on the device.
    func append(_ letters: [DeadLetter]) throws(WeirError) {
        if letters.isEmpty { return }
        let time = now().formatted(.iso8601)
        let encoder = DeadLetterLine.encoder
        var bytes: [UInt8] = []
        for var letter in letters {
            letter.time = time
            guard let line = (try? encoder.encode(letter)).map({ [UInt8]($0) }),
                let identity = DeadLetterLine.identity(line)
            else { throw WeirError(.invalid, "a dead letter cannot be written as JSON", at: path) }
            guard known.insert(identity).inserted else { continue }
            bytes += line
            bytes.append(0x0a)
            count += 1
        }
        if bytes.isEmpty { return }
        let file = try opened()
        try file.write(bytes, at: size)
        try file.sync()
        size += Int64(bytes.count)
    }

    private func opened() throws(WeirError) -> any OpenFile {
        if let file { return file }
        try files.makeDirectories(path.parentDirectory)
        let created = try files.open(path, .write)
        try files.syncDirectory(path.parentDirectory)
        file = created
        return created
    }
}

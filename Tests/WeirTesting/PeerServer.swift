import Foundation
import Synchronization

/// A Python process that has imported the engines, and runs each script in a copy of itself: importing PyIceberg takes
/// longer than most scripts do.
final class PeerServer: Sendable {
    private struct Answers: Sendable {
        var next = 1
        var waiting: [Int: DispatchSemaphore] = [:]
        var statuses: [Int: Int32] = [:]
        var hasEnded = false
    }

    private struct Request: Encodable {
        let id: Int
        let script: String
        let arguments: [String]
        let input: String
        let output: String
        let errors: String
    }

    private let answers = Mutex(Answers())
    private let requests: FileHandle

    var hasEnded: Bool { answers.withLock { $0.hasEnded } }

    /// Starts the process. It ends with this one.
    init(python: String, script: String) throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: python)
        process.arguments = ["-B", script]
        let (typed, said) = (Pipe(), Pipe())
        process.standardInput = typed
        process.standardOutput = said
        requests = typed.fileHandleForWriting
        try process.run()
        let replies = said.fileHandleForReading
        Thread.detachNewThread { [self] in
            var line: [UInt8] = []
            while case let bytes = replies.availableData, !bytes.isEmpty {
                for byte in bytes {
                    guard byte == UInt8(ascii: "\n") else {
                        line.append(byte)
                        continue
                    }
                    heard(String(decoding: line, as: UTF8.self))
                    line = []
                }
            }
            answers.withLock {
                $0.hasEnded = true
                for semaphore in $0.waiting.values { semaphore.signal() }
            }
        }
    }

    /// A reply: the number of a request, and the status that its script has ended with.
    private func heard(_ reply: String) {
        let numbers = reply.split(separator: " ").compactMap { Int($0) }
        guard numbers.count == 2 else { return }
        answers.withLock {
            $0.statuses[numbers[0]] = Int32(truncatingIfNeeded: numbers[1])
            $0.waiting[numbers[0]]?.signal()
        }
    }

    /// Runs a script. Its streams are files, those that it writes exist.
    ///
    /// - Returns: the status that it ended with, negative for a signal; nil when the process has ended before.
    func run(_ script: String, _ arguments: [String], input: String, output: String, errors: String) throws -> Int32? {
        let ended = DispatchSemaphore(value: 0)
        let id = answers.withLock { answers in
            defer { answers.next += 1 }
            answers.waiting[answers.next] = ended
            return answers.next
        }
        let request = Request(
            id: id,
            script: script,
            arguments: arguments,
            input: input,
            output: output,
            errors: errors
        )
        let line = try JSONEncoder().encode(request) + Data("\n".utf8)
        let isSent = answers.withLock { answers in !answers.hasEnded && (try? requests.write(contentsOf: line)) != nil }
        if isSent { ended.wait() }
        return answers.withLock { answers in
            answers.waiting[id] = nil
            return answers.statuses.removeValue(forKey: id)
        }
    }
}

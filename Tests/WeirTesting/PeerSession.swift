import Foundation
import Synchronization

/// A peer script that stays up and answers each line with a line, for tests that ask an engine many small questions.
/// Safe to use from several threads: one question at a time.
public final class PeerSession: Sendable {
    private struct Pipes: @unchecked Sendable {
        let process: Process
        let questions: FileHandle
        let answers: FileHandle
        var buffer = Data()
    }

    private let pipes: Mutex<Pipes>

    public init(_ script: String, in environment: Peers.Environment = .peers) throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: environment.python)
        process.arguments = ["-B", Peers.path(of: script)]
        let (questions, answers) = (Pipe(), Pipe())
        process.standardInput = questions
        process.standardOutput = answers
        try process.run()
        pipes = Mutex(
            Pipes(
                process: process,
                questions: questions.fileHandleForWriting,
                answers: answers.fileHandleForReading
            )
        )
    }

    deinit {
        pipes.withLock { pipes in
            // The script ends with its input.
            try? pipes.questions.close()
            pipes.process.waitUntilExit()
        }
    }

    /// Sends a question, in one line, and waits for the answer.
    public func ask(_ question: String) throws -> String {
        try pipes.withLock { pipes in
            try pipes.questions.write(contentsOf: Data((question + "\n").utf8))
            while true {
                if let end = pipes.buffer.firstIndex(of: UInt8(ascii: "\n")) {
                    let line = String(decoding: pipes.buffer[..<end], as: UTF8.self)
                    pipes.buffer = Data(pipes.buffer[(end + 1)...])
                    return line
                }
                let more = pipes.answers.availableData
                guard !more.isEmpty else { throw Peers.Failure(description: "the peer ended at: \(question)") }
                pipes.buffer.append(more)
            }
        }
    }
}

import Foundation
import Testing
import WeirTesting

/// A run next to sessions of other engines that keep transactions open on its catalog.
@Suite(
    .serialized,
    .mostlyWaits,
    .hangGuard,
    .enabled(if: Peers.shouldRun, "scripts/install-test-peers has not run")
) struct CatalogSessionTests {
    /// A Python process that holds a transaction until it is released.
    private final class Session {
        let process = Process()
        private let input = Pipe()

        init(_ folder: String, _ kind: String) throws {
            process.executableURL = URL(fileURLWithPath: Peers.checkout + "/.deps/peers/bin/python")
            let script = Peers.checkout + "/Tests/WeirCommandsTests/Fixtures/peers/catalog_session.py"
            process.arguments = ["-B", script, folder + "/warehouse/catalog.db", kind]
            let output = Pipe()
            process.standardOutput = output
            process.standardInput = input
            try process.run()
            let word = String(decoding: output.fileHandleForReading.availableData, as: UTF8.self)
            #expect(word.hasPrefix("held"))
        }

        func end() throws {
            try input.fileHandleForWriting.close()
            process.waitUntilExit()
            #expect(process.terminationStatus == 0)
        }

        deinit { if process.isRunning { kill(process.processIdentifier, SIGKILL) } }
    }

    @Test func `a reader's session stops no commit, a writer's is waited for by name`() throws {
        try withTemporaryFolder { folder in
            let weir = try BinaryTests.prepare(folder)
            let run = try weir.start(["run", "people.yaml"])
            func append(_ ids: Range<Int>) throws {
                let text = ids.map { BinaryTests.record($0, "n", operation: "c") }.joined()
                #expect(try weir("log", "append", "people", input: text).status == 0)
            }
            func count() throws -> Int? {
                let scan = try weir("scan", "shop.people", "--count", "-o", "csv")
                return scan.status == 0 ? scan.lines.last.flatMap { Int($0) } : nil
            }
            func waitForRows(_ number: Int) throws {
                for _ in 0..<150 {
                    if try count() == number { return }
                    Thread.sleep(forTimeInterval: 0.1)
                }
                Issue.record("\(number) rows never came: \(run.errors)")
            }
            try append(0..<10)
            try waitForRows(10)

            let reader = try Session(folder, "read")
            try append(10..<20)
            try waitForRows(20)
            // The recipes of the manual, while the run is up and a session keeps the write-ahead log from being emptied.
            #expect(try weir("optimize", "shop.people", "--full", "--quiet").status == 0)
            let paths = [folder + "/warehouse/catalog.db", folder + "/warehouse"]
            #expect(try Peers.run("pyiceberg_scan.py", paths + ["shop.people"]).split(separator: "\n").count == 20)
            let metadata = try Peers.run("catalog_metadata.py", [paths[0], "shop", "people"])
            let rows = try Peers.run("duckdb_scan.py", [metadata.trimmingCharacters(in: .whitespacesAndNewlines)])
            #expect(rows.split(separator: "\n").count == 20)
            try reader.end()
            #expect(!run.errors.contains("kept busy"), "\(run.errors)")

            let writer = try Session(folder, "write")
            try append(20..<30)
            #expect(run.wait(seconds: 60) { run.errors.contains("kept busy") }, "\(run.errors)")
            #expect(run.errors.contains("process \(writer.process.processIdentifier) (python"), "\(run.errors)")
            #expect(try count() == 20)
            try writer.end()
            try waitForRows(30)
            #expect(run.wait(seconds: 60) { run.errors.contains("free again") }, "\(run.errors)")
            run.signal(SIGTERM)
            let result = run.finish(seconds: 60)
            #expect(result.status == 0, "\(result.errors)")
        }
    }

    /// The shell and the kernel both send SIGHUP.
    @Test func `a terminal that closes does not cut off a last commit that waits`() throws {
        try withTemporaryFolder { folder in
            let weir = try BinaryTests.prepare(folder)
            try weir("log", "append", "people", input: BinaryTests.record(1, "ada", operation: "c"))
            #expect(try weir("run", "people.yaml", "--until-caught-up").status == 0)
            let writer = try Session(folder, "write")
            let run = try weir.start(["run", "people.yaml"])
            try weir("log", "append", "people", input: BinaryTests.record(2, "bob", operation: "c"))
            #expect(run.wait(seconds: 600) { run.errors.contains("kept busy") }, "\(run.errors)")
            // Signals that are pending together count as one, so there are more than two.
            for _ in 0..<20 where run.process.isRunning {
                run.signal(SIGHUP)
                Thread.sleep(forTimeInterval: 0.02)
            }
            #expect(run.process.isRunning, "the commit still waits")
            try writer.end()
            let ended = run.finish(seconds: 600)
            #expect(ended.status == 0 && ended.output.contains("stopped after"), "\(ended.output) \(ended.errors)")
            #expect(try BinaryTests.rows(weir) == [1: "ada", 2: "bob"])
        }
    }
}

import Foundation
import Testing
import WeirTesting

/// How long-running commands end.
@Suite(.serialized, .mostlyWaits, .timeLimit(.minutes(30))) struct EndOfRunTests {
    private static let patience = 1200.0

    @Test func `SIGHUP ends a run as SIGTERM does`() throws {
        try withTemporaryFolder { folder in
            let weir = try BinaryTests.prepare(folder)
            let run = try weir.start(["run", "people.yaml"])
            try weir("log", "append", "people", input: BinaryTests.record(1, "ada", operation: "c"))
            #expect(
                run.wait(seconds: Self.patience) { (try? BinaryTests.rows(weir)) == [1: "ada"] },
                "\(run.errors)"
            )
            run.signal(SIGHUP)
            let ended = run.finish(seconds: Self.patience)
            #expect(ended.status == 0 && ended.output.contains("stopped after"), "\(ended.output) \(ended.errors)")
        }
    }

    /// As with `nohup`: the signal is ignored when the process starts.
    @Test func `a run that ignores SIGHUP from the beginning goes on`() throws {
        try withTemporaryFolder { folder in
            let weir = try BinaryTests.prepare(folder)
            let run = try Self.shell("trap '' HUP; exec '\(WeirBinary.path)' run people.yaml > out 2> err", folder)
            defer { if run.isRunning { kill(run.processIdentifier, SIGKILL) } }
            func waitForRows(_ rows: [Int: String]) {
                while run.isRunning, (try? BinaryTests.rows(weir)) != rows { Thread.sleep(forTimeInterval: 0.02) }
            }
            try weir("log", "append", "people", input: BinaryTests.record(1, "ada", operation: "c"))
            waitForRows([1: "ada"])
            kill(run.processIdentifier, SIGHUP)
            try weir("log", "append", "people", input: BinaryTests.record(2, "bob", operation: "c"))
            waitForRows([1: "ada", 2: "bob"])
            #expect(run.isRunning)
            kill(run.processIdentifier, SIGTERM)
            run.waitUntilExit()
            #expect(run.terminationStatus == 0)
        }
    }

    private static func shell(_ script: String, _ folder: String) throws -> Process {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/sh")
        process.arguments = ["-c", script]
        process.currentDirectoryURL = URL(fileURLWithPath: folder)
        process.standardInput = FileHandle.nullDevice
        try process.run()
        return process
    }

    /// No more records arrive, so no failing write shows that the reader is gone.
    @Test(
        arguments: [
            "read shop.people --from earliest --follow", "log tail people --follow",
            "log tail people --follow -o json", "read shop.people --from full --follow -o csv",
        ]
    )
    func `following ends with its reader`(_ command: String) throws {
        try withTemporaryFolder { folder in
            let weir = try BinaryTests.prepare(folder)
            try weir("log", "append", "people", input: BinaryTests.record(1, "ada", operation: "c"))
            let run = try weir("run", "people.yaml", "--until-caught-up")
            #expect(run.status == 0, "\(run.errors)")
            // The shell waits for both; the exit code of the follower is its own.
            let script = "{ '\(WeirBinary.path)' \(command); echo $? > code; } | head -n 1 > first"
            let shell = try Self.shell(script, folder)
            shell.waitUntilExit()
            #expect(try String(contentsOfFile: folder + "/code", encoding: .utf8) == "0\n")
            #expect(try !String(contentsOfFile: folder + "/first", encoding: .utf8).isEmpty)
        }
    }
}

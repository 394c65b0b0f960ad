import Foundation
import Testing
import WeirTesting

/// The state folder of runs of the binary.
@Suite(.serialized, .mostlyWaits, .timeLimit(.minutes(30))) struct StateFolderRunTests {
    private static let patience = 1200.0

    private static func append(_ weir: WeirBinary, _ ids: Range<Int>, _ name: String, _ operation: String) throws {
        let text = ids.map { BinaryTests.record($0, name, operation: operation) }.joined()
        try weir("log", "append", "people", input: text)
    }

    /// Waits until the run has told something and a row has a name.
    private static func settle(_ weir: WeirBinary, _ run: WeirBinary.Running, _ text: String, _ id: Int, _ name: String)
        throws
    {
        let isDone = run.wait(seconds: patience) {
            !run.process.isRunning || run.errors.contains(text) && (try? BinaryTests.rows(weir))?[id] == name
        }
        try #require(isDone && run.process.isRunning, "\(run.errors)")
    }

    @Test func `a run begins with what the one before has left, in order or killed`() throws {
        try withTemporaryFolder { folder in
            let weir = try BinaryTests.prepare(folder)
            let set = ["--set", "pipeline.commit.interval=50ms"]
            try Self.append(weir, 0..<50, "ada", "c")
            #expect(try weir.run(["run", "people.yaml", "--until-caught-up"] + set).status == 0)
            let state = folder + "/warehouse/.weir/keys/people/shop.people/state"
            let first = try #require(FileManager.default.contents(atPath: state))
            try Self.append(weir, 50..<60, "bob", "c")
            let run = try weir.start(["run", "people.yaml"] + set)
            try Self.settle(weir, run, "shop.people: 50 keys from the state folder, 0 commits behind", 59, "bob")
            // It saves what it has followed once it is caught up, and is killed.
            let isSaved = run.wait(seconds: Self.patience) { FileManager.default.contents(atPath: state) != first }
            #expect(isSaved)
            run.signal(SIGKILL)
            _ = run.finish(seconds: Self.patience)
            try Self.append(weir, 40..<55, "eve", "u")
            let last = try weir.start(["run", "people.yaml"] + set)
            try Self.settle(weir, last, " keys from the state folder, ", 54, "eve")
            last.signal(SIGINT)
            let ended = last.finish(seconds: Self.patience)
            #expect(ended.status == 0, "\(ended.errors)")
            let rows = try BinaryTests.rows(weir)
            #expect(
                rows.count == 60 && rows[39] == "ada" && rows[40] == "eve" && rows[54] == "eve" && rows[55] == "bob"
            )
            #expect(!ended.errors.contains("warning"), "\(ended.errors)")
        }
    }

    @Test func `a folder that cannot be used is told of, and the run goes on without`() throws {
        try withTemporaryFolder { folder in
            let weir = try BinaryTests.prepare(folder)
            try Self.append(weir, 0..<5, "ada", "c")
            let run = try weir(
                "run",
                "people.yaml",
                "--until-caught-up",
                "--set",
                "pipeline.state.dir=people.yaml"
            )
            #expect(run.status == 0, "\(run.errors)")
            #expect(run.errors.contains("the state folder of shop.people cannot be used"), "\(run.errors)")
            #expect(run.errors.contains("pipeline.state.dir") && run.errors.contains("people.yaml"), "\(run.errors)")
            #expect(try BinaryTests.rows(weir).count == 5)
        }
    }
}

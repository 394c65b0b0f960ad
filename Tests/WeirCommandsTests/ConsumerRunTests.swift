import Bytes
import Foundation
import IcebergFormat
import Testing
import WeirTesting

/// Consumers and programs that act on markers, beside a run with a LogStore, all of which are killed again and again.
@Suite(.serialized, .mostlyWaits, .hangGuard) struct ConsumerRunTests {
    private static let properties = """
        properties: { log-store.enabled: true, log-store.type: file, log-store.topic: changes, snapshot.keep.max-count: 3 }
        """

    @Test(arguments: SeededGenerator.seeds(1), [true, false])
    func `readers of a LogStore that are killed have every commit once`(seed: UInt64, hasLogStore: Bool) throws {
        try withTemporaryFolder { folder in
            let weir = try BinaryTests.prepare(folder)
            if hasLogStore {
                let text = BinaryTests.topology.replacingOccurrences(
                    of: "primary-key: [id] }",
                    with: "primary-key: [id], \(Self.properties) }"
                )
                try text.write(toFile: folder + "/people.yaml", atomically: true, encoding: .utf8)
            }
            var random = SeededGenerator(seed: seed)
            var number = 0
            func append() throws {
                var records = ""
                for _ in 0..<5 + random.next() % 20 {
                    number += 1
                    let id = Int(random.next() % 12)
                    let isGone = random.next() % 5 == 0
                    records += BinaryTests.record(id, isGone ? nil : "n\(number)", operation: isGone ? "d" : "u")
                }
                #expect(try weir("log", "append", "people", input: records).status == 0)
            }
            try append()
            let first = try weir("run", "people.yaml", "--until-caught-up", "--quiet")
            try #require(first.status == 0, "\(first.errors)")
            var run = try weir.start(["run", "people.yaml", "--quiet"])
            let readers = [ConsumerFollower(weir, consumer: "search"), ConsumerFollower(weir, consumer: nil)]
            for reader in readers { try reader.start() }
            for round in 0..<Soak.rounds(6) {
                for _ in 0...random.next() % 3 {
                    try append()
                    Thread.sleep(forTimeInterval: Double(random.next() % 200) / 1000)
                }
                if random.next() % 3 == 0 {
                    run.signal(SIGKILL)
                    _ = run.finish(seconds: 60)
                    run = try weir.start(["run", "people.yaml", "--quiet"])
                }
                if round % 3 == 2 { #expect(try weir("optimize", "shop.people", "--quiet").status == 0) }
                for reader in readers where random.next() % 2 == 0 {
                    try reader.end(random.next() % 2 == 0 ? SIGKILL : SIGTERM)
                    try reader.start()
                }
            }
            run.signal(SIGTERM)
            #expect(run.finish(seconds: 60).status == 0)
            let last = try weir("run", "people.yaml", "--until-caught-up", "--quiet")
            #expect(last.status == 0, "\(last.errors)")
            for reader in readers {
                try reader.end(SIGTERM)
                // To the end of the table.
                try reader.start(follows: false)
                try reader.end(nil)
            }
            let whole = ConsumerFollower(weir, consumer: nil)
            try whole.start(follows: false)
            try whole.end(nil)
            #expect(whole.commits.count > 3)
            for reader in readers {
                #expect(reader.place == whole.place, "seed \(seed)")
                #expect(hasLogStore == (reader.ahead > 0), "seed \(seed)")
                let (found, expected) = (reader.states, whole.states)
                for (sequence, commit) in whole.commits where !commit.changes.isEmpty {
                    let what = "seed \(seed), commit \(sequence)"
                    let same = try #require(reader.commits[sequence], "\(what)")
                    #expect(found[sequence] == expected[sequence], "\(what)")
                    // The LogStore has what the source has sent: updates without old rows, and deletes of absent keys.
                    if !hasLogStore { #expect(same == commit, "\(what)") }
                }
                let others = reader.commits.filter { whole.commits[$0.key] == nil && !$0.value.changes.isEmpty }
                #expect(others.isEmpty, "seed \(seed): \(others)")
            }
        }
    }
}

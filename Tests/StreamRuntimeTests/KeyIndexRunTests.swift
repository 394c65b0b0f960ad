import Bytes
import EventLog
import Foundation
import KeyedState
import MixedTables
import Synchronization
import Testing
import WeirTesting

@testable import StreamRuntime

/// Key indexes over the runs of a topology.
@Suite struct KeyIndexRunTests {
    private static let name = "shop.people"

    private final class Warnings: Sendable {
        private let texts = Mutex<[String]>([])
        func add(_ text: String) { texts.withLock { $0.append(text) } }
        var all: [String] { texts.withLock { $0 } }
    }

    private static func refresher(
        _ fixture: IngestFixture,
        _ clock: RunClock = .system,
        _ warnings: Warnings = Warnings()
    ) throws -> BaseRefresher {
        BaseRefresher(
            [(name, try fixture.table(name))],
            clock: clock,
            folders: KeyIndexFolders(fixture.folder + "/keys", memory: 3000)
        ) { warnings.add($0) }
    }

    private static func withHistory(
        _ seed: UInt64,
        _ body: (IngestFixture, (Int) throws -> [Int: String]) throws -> Void
    ) throws {
        try IngestFixture.withPeople { fixture, appender in
            var history = DebeziumHistory(seed: seed, keySpace: 400)
            var appended = 0
            try body(fixture) { count in
                history.extend(count)
                try history.append(appended..<history.records.count, to: appender, topic: "people")
                appended = history.records.count
                try fixture.run()
                return history.rows.mapValues { $0.name ?? "null" }
            }
        }
    }

    @Test(.hangGuard) func `a run begins with the index of the one before, and saves its own at any end`() throws {
        try Self.withHistory(31) { fixture, change in
            _ = try change(300)
            var keys = 0
            for round in 0..<4 {
                let wanted = try change(40)
                let refresher = try Self.refresher(fixture)
                refresher.start()
                if round == 2 {
                    try LiveRun.wait("base to have everything") { try fixture.baseContents(Self.name) == wanted }
                    refresher.cancel()
                } else {
                    try refresher.finish(isComplete: true) { false }
                }
                #expect(!refresher.isAtWork)
                #expect(try fixture.baseContents(Self.name) == wanted)
                let index = try #require(refresher.keyIndexes[Self.name])
                #expect(index.beginnings == 1 && index.isFromFolder == (round > 0), "round \(round)")
                // What a run has not noted of its last commit when it fails is noted by the next one.
                let behind = round == 3 ? 0...1 : 0...0
                #expect(index.commitsBehind.map { behind.contains($0) } ?? (round == 0), "round \(round)")
                #expect(index.keys >= keys, "round \(round)")
                #expect(FileManager.default.fileExists(atPath: "\(fixture.folder)/keys/\(Self.name)/state"))
                keys = wanted.count
            }
        }
    }

    @Test(.hangGuard) func `a run saves its indexes now and then, for the next one after a kill`() throws {
        try Self.withHistory(32) { fixture, change in
            var wanted = try change(300)
            let (time, state) = (SkippingClock(), fixture.folder + "/keys/\(Self.name)/state")
            let refresher = try Self.refresher(fixture, time.clock)
            refresher.start()
            func saved() throws -> Data? { try? Data(contentsOf: URL(fileURLWithPath: state)) }
            try LiveRun.wait("the first save") { try saved() != nil }
            let first = try #require(try saved())
            wanted = try change(40)
            refresher.committed(Self.name)
            try LiveRun.wait("base to have everything") { try fixture.baseContents(Self.name) == wanted }
            #expect(try saved() == first, "soon after the first one")
            try LiveRun.wait("the second save") {
                time.skip(.seconds(60))
                return try saved() != first
            }
            // What a killed process leaves: the files without their owner.
            let copy = fixture.folder + "/killed"
            try FileManager.default.copyItem(atPath: fixture.folder + "/keys", toPath: copy)
            refresher.cancel()
            wanted = try change(10)
            let next = BaseRefresher(
                [(Self.name, try fixture.table(Self.name))],
                clock: .system,
                folders: KeyIndexFolders(copy, memory: 3000)
            ) { _ in }
            next.start()
            try next.finish(isComplete: true) { false }
            #expect(next.keyIndexes[Self.name]?.isFromFolder == true)
            #expect(try fixture.baseContents(Self.name) == wanted)
        }
    }

    @Test(.hangGuard) func `folders of tables that are written no more are removed, unless somebody uses them`() throws
    {
        try Self.withHistory(34) { fixture, change in
            _ = try change(300)
            let refresher = try Self.refresher(fixture)
            refresher.start()
            try refresher.finish(isComplete: true) { false }
            let (keys, manager) = (fixture.folder + "/keys", FileManager.default)
            for name in ["shop.gone", "shop.used", "shop.strange"] {
                try manager.copyItem(atPath: "\(keys)/\(Self.name)", toPath: "\(keys)/\(name)")
            }
            try Data("mine".utf8).write(to: URL(fileURLWithPath: keys + "/shop.strange/notes"))
            let user = try StateFolder(keys + "/shop.used")
            KeyIndexFolders(keys, memory: 0).removeAll(but: [Self.name, "shop.other"])
            withExtendedLifetime(user) {
                #expect(
                    (try? manager.contentsOfDirectory(atPath: keys))?.sorted() == [
                        "shop.people", "shop.strange", "shop.used",
                    ]
                )
            }
            #expect(try manager.contentsOfDirectory(atPath: keys + "/shop.strange") == ["notes"])
            _ = try change(10)
            let next = try Self.refresher(fixture)
            next.start()
            try next.finish(isComplete: true) { false }
            #expect(next.keyIndexes[Self.name]?.isFromFolder == true)
        }
    }

    @Test(.hangGuard) func `two processes do not share a folder, and a damaged one is told of`() throws {
        try Self.withHistory(33) { fixture, change in
            _ = try change(300)
            let (first, second) = (Warnings(), Warnings())
            let one = try Self.refresher(fixture, .system, first)
            one.start()
            try LiveRun.wait("the keys to be known") { one.keyIndexes[Self.name] != nil }
            let wanted = try change(40)
            let two = try Self.refresher(fixture, .system, second)
            two.start()
            try two.finish(isComplete: true) { false }
            #expect(try fixture.baseContents(Self.name) == wanted)
            try one.finish(isComplete: true) { false }
            #expect(second.all.allSatisfy { $0.contains("another process uses this folder") }, "\(second.all)")
            #expect(second.all.count <= 1 && first.all.isEmpty)
            let state = URL(fileURLWithPath: fixture.folder + "/keys/\(Self.name)/state")
            var bytes = try Data(contentsOf: state)
            bytes[bytes.count / 2] ^= 1
            try bytes.write(to: state, options: .atomic)
            let third = Warnings()
            let last = try change(40)
            let three = try Self.refresher(fixture, .system, third)
            three.start()
            try three.finish(isComplete: true) { false }
            #expect(try fixture.baseContents(Self.name) == last)
            #expect(
                third.all.count == 1 && third.all.first?.contains("read from the table again") == true,
                "\(third.all)"
            )
            #expect(three.keyIndexes[Self.name]?.isFromFolder == false)
        }
    }

    @Test func `the folder of a table has a name that any file system takes`() {
        #expect(KeyIndexFolders.folder(of: "shop.orders_2-a") == "shop.orders_2-a")
        #expect(KeyIndexFolders.folder(of: "../etc/é") == "%2E.%2Fetc%2F%C3%A9")
        let long = String(repeating: "x", count: 400)
        #expect(KeyIndexFolders.folder(of: long).utf8.count < 255)
        #expect(KeyIndexFolders.folder(of: long + "a") != KeyIndexFolders.folder(of: long + "b"))
    }
}

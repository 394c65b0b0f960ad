import Bytes
import Dispatch
import EventLog
import Foundation
import IcebergFormat
import IcebergTables
import MixedTables
import ObjectStorage
import Synchronization
import Testing
import WeirTesting

@testable import StreamRuntime

/// What a run tells of its base stores, and how it gets along with slow disks and other writers.
@Suite struct BaseRefresherTests {
    private static let name = "shop.people"

    /// What happens when base is read or written.
    private final class Disk: Sendable {
        enum Event: Equatable { case readsKeys, writesRows }

        private let state = Mutex<(event: Event, action: @Sendable () throws(WeirError) -> Void)?>(nil)

        func on(_ event: Event, _ action: @escaping @Sendable () throws(WeirError) -> Void) {
            state.withLock { $0 = (event, action) }
        }

        func calm() { state.withLock { $0 = nil } }

        var files: WatchedFileSystem {
            WatchedFileSystem { [self] (path, access) throws(WeirError) in
                guard DataFileName(path: path)?.type == .base else { return }
                guard let (event, action) = state.withLock({ $0 }), (event == .readsKeys) == (access == .read) else {
                    return
                }
                try action()
            }
        }
    }

    /// A table of changes that are not in base.
    private struct World {
        let fixture: IngestFixture
        let appender: FileLogWriter
        let disk = Disk()
        let warnings = Warnings()
        var history: DebeziumHistory
        var appended = 0

        final class Warnings: Sendable {
            private let texts = Mutex<[String]>([])
            func add(_ text: String) { texts.withLock { $0.append(text) } }
            var all: [String] { texts.withLock { $0 } }
        }

        mutating func change(_ count: Int) throws {
            history.extend(count)
            try history.append(appended..<history.records.count, to: appender, topic: "people")
            appended = history.records.count
            try fixture.run()
        }

        func refresher(
            _ clock: RunClock = .system,
            endTime: Duration = .seconds(3),
            patience: Duration = .seconds(2),
            snapshotsMax: Int = 5000
        ) throws -> BaseRefresher {
            let catalog = try fixture.catalog(files: disk.files)
            let table = try MixedTable.load(TableIdentifier(BaseRefresherTests.name), from: catalog)
            return BaseRefresher(
                [(BaseRefresherTests.name, table)],
                clock: clock,
                endTime: endTime,
                patience: patience,
                snapshotsMax: snapshotsMax
            ) { [warnings] in warnings.add($0) }
        }

        var base: [Int: String] {
            get throws { try fixture.baseContents(BaseRefresherTests.name) }
        }
        var rows: [Int: String] { history.rows.mapValues { $0.name ?? "null" } }

        /// Another engine's commit to base that changes no row.
        static func commit(_ fixture: IngestFixture) throws(WeirError) {
            do {
                var transaction = Transaction(try fixture.table(BaseRefresherTests.name).base)
                transaction.append([])
                transaction.retryPatiently()
                _ = try transaction.commit()
            } catch {
                throw WeirError(.invalid, "\(error)")
            }
        }

        static func keepSnapshots(_ fixture: IngestFixture) throws {
            _ = try fixture.table(BaseRefresherTests.name)
                .changingProperties(["table-expire.enabled": "false"], removing: [])
        }
    }

    private static func withWorld(_ seed: UInt64, _ body: (inout World) throws -> Void) throws {
        try IngestFixture.withPeople { fixture, appender in
            var world = World(fixture: fixture, appender: appender, history: DebeziumHistory(seed: seed, keySpace: 400))
            try world.change(300)
            try body(&world)
        }
    }

    /// An engine that rewrites base has files that no delete may refer to by then.
    @Test(.hangGuard) func `a step that was outrun is repeated, with less to do`() throws {
        try Self.withWorld(9) { world in
            let first = try world.refresher()
            first.start()
            try first.finish(isComplete: true) { false }
            // So many updates that all files would be written again.
            try world.change(300)
            let fixture = world.fixture
            let outrun = Mutex(0)
            world.disk.on(.writesRows) { () throws(WeirError) in
                guard outrun.withLock({ $0 }) < 3 else { return }
                try World.commit(fixture)
                outrun.withLock { $0 += 1 }
            }
            let refresher = try world.refresher()
            refresher.start()
            let (wanted, warnings) = (world.rows, world.warnings)
            try LiveRun.wait("base to have everything") { [world] in try world.base == wanted }
            #expect(outrun.withLock { $0 } == 3)
            try refresher.finish(isComplete: true) { false }
            #expect(refresher.backlogs[Self.name]?.isEmpty == true)
            #expect(warnings.all.isEmpty)
            let base = try fixture.table(Self.name).base
            let operations = base.metadata.snapshots.map { $0.summary["snapshot.producer"] == "OPTIMIZE" }
            #expect(operations == [true, false, false, false, true])
            #expect(try base.plan().contains { !$0.deletes.isEmpty })
            // Nothing is left of the attempts.
            let known = Set(try base.plan().flatMap { [$0.file.path] + $0.deletes.map(\.file.path) })
            let left = try base.storage.list(base.dataLocation).map(\.path).filter { $0.hasSuffix(".parquet") }
            #expect(try Set(left).isSubset(of: known.union(Self.paths(base))))
        }
    }

    /// Data and delete files of all snapshots.
    private static func paths(_ base: Table) throws -> Set<String> {
        Set(
            try base.metadata.snapshots.flatMap { snapshot in
                try base.plan(snapshotId: snapshot.id).flatMap { [$0.file.path] + $0.deletes.map(\.file.path) }
            }
        )
    }

    @Test(.hangGuard) func `what base lacks is told while a step is at work and when it fails`() throws {
        try Self.withWorld(10) { world in
            let (isAtWork, mayGoOn) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
            world.disk.on(.writesRows) { () throws(WeirError) in
                isAtWork.signal()
                mayGoOn.wait()
                throw WeirError(.outOfSpace, "no space left")
            }
            let time = SkippingClock()
            let refresher = try world.refresher(time.clock)
            #expect(refresher.backlogs[Self.name]?.isEmpty == true)
            refresher.start()
            isAtWork.wait()
            #expect(refresher.backlogs[Self.name]?.commitCount ?? 0 > 0)
            mayGoOn.signal()
            let warnings = world.warnings
            try LiveRun.wait("the failure to be told") { !warnings.all.isEmpty }
            #expect(refresher.backlogs[Self.name]?.commitCount ?? 0 > 0)
            #expect(warnings.all.first?.contains("falls behind its changes: no space left") == true)
            world.disk.calm()
            let wanted = world.rows
            try LiveRun.wait("base to have everything") { [world] in
                time.skip(.seconds(60))
                return try world.base == wanted
            }
            // The same failure is told again after it was over.
            try world.change(20)
            world.disk.on(.writesRows) { () throws(WeirError) in throw WeirError(.outOfSpace, "no space left") }
            refresher.committed(Self.name)
            #expect(refresher.backlogs[Self.name]?.isEmpty == false)
            try LiveRun.wait("the failure to be told again") {
                time.skip(.seconds(60))
                return warnings.all.count > 1
            }
            refresher.cancel()
            #expect(warnings.all.count == 2)
        }
    }

    @Test(.hangGuard) func `that keys are read is told, and so is what has come meanwhile`() throws {
        try Self.withWorld(11) { world in
            let first = try world.refresher()
            first.start()
            try first.finish(isComplete: true) { false }
            try world.change(10)
            let (isAtWork, mayGoOn) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
            let once = Atomic(false)
            world.disk.on(.readsKeys) { () throws(WeirError) in
                if once.exchange(true, ordering: .relaxed) { return }
                isAtWork.signal()
                mayGoOn.wait()
            }
            let refresher = try world.refresher()
            refresher.start()
            isAtWork.wait()
            var state = RunState()
            state.backlogs = refresher.backlogs
            #expect(state.baseLoading == Self.name)
            #expect(state.oldestBacklog?.table == Self.name)
            mayGoOn.signal()
            try refresher.finish(isComplete: true) { false }
            state.backlogs = refresher.backlogs
            #expect(state.baseLoading == nil && state.oldestBacklog == nil)
            #expect(try world.base == world.rows)
            refresher.committed(Self.name)
            #expect(refresher.backlogs[Self.name]?.isEmpty == false)
        }
    }

    @Test(.hangGuard, arguments: [true, false])
    func `a run does not wait for a step that does not end`(isCancelled: Bool) throws {
        try Self.withWorld(12) { world in
            let (isAtWork, mayGoOn) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
            world.disk.on(.writesRows) { () throws(WeirError) in
                isAtWork.signal()
                mayGoOn.wait()
                mayGoOn.signal()
            }
            let refresher = try world.refresher(endTime: .milliseconds(20), patience: .milliseconds(20))
            refresher.start()
            isAtWork.wait()
            if isCancelled { refresher.cancel() } else { try refresher.finish(isComplete: false) { false } }
            #expect(
                world.warnings.all == [
                    "what moves changes into base does not end and is left alone; the next run goes on with it"
                ]
            )
            mayGoOn.signal()
            try LiveRun.wait("the thread to end") { !refresher.isAtWork }
            #expect(try world.base.isEmpty)
        }
    }

    @Test(.hangGuard) func `others that always come first are told of, and so are many snapshots`() throws {
        try Self.withWorld(13) { world in
            let (fixture, warnings, time) = (world.fixture, world.warnings, SkippingClock())
            let outrun = Mutex(0)
            world.disk.on(.writesRows) { () throws(WeirError) in
                try World.commit(fixture)
                outrun.withLock { $0 += 1 }
            }
            let refresher = try world.refresher(time.clock, snapshotsMax: 10)
            refresher.start()
            try LiveRun.wait("the others to be told of") {
                time.skip(.seconds(30))
                return !warnings.all.isEmpty
            }
            #expect(outrun.withLock { $0 } >= 10)
            #expect(warnings.all.first?.contains("other writers' commits to it always come first") == true)
            world.disk.calm()
            try World.keepSnapshots(fixture)
            try LiveRun.wait("the snapshots to be told of") {
                time.skip(.seconds(30))
                return warnings.all.count > 1
            }
            try refresher.finish(isComplete: true) { false }
            #expect(warnings.all.count == 2)
            #expect(warnings.all.last?.contains("table-expire.enabled is false") == true)
        }
    }
}

import Bytes
import EventLog
import Foundation
import IcebergTables
import LogStores
import ObjectStorage
import StreamRuntime
import Synchronization
import Testing
import Topology
import WeirTesting

/// A run that stays up on a thread of its own while a test changes what it reads.
final class LongRun: Sendable {
    let run: IngestRun
    private let failure = Mutex<WeirError?>(nil)
    private let done = DispatchSemaphore(value: 0)

    init(
        _ plan: IngestPlan,
        deadLetters: String,
        clock: RunClock = .system
    ) {
        run = IngestRun(plan, deadLetterPath: deadLetters, clock: clock)
        Thread.detachNewThread { [self] in
            do throws(WeirError) {
                try run.run(untilCaughtUp: false)
            } catch {
                failure.withLock { $0 = error }
            }
            done.signal()
        }
    }

    /// A topology over a file log; LogStores are topics of the same log.
    convenience init(
        _ fixture: IngestFixture,
        _ text: String,
        _ writer: FileLogWriter,
        source: (any PartitionedLog)? = nil,
        mirror: (any PartitionedLog)? = nil,
        files: any FileSystem = LocalFileSystem(),
        clock: RunClock = .system
    ) throws {
        let topology = try IngestFixture.topology(text)
        let log = writer.log
        let plan = try IngestPlan.resolve(
            topology,
            catalog: fixture.catalog(files: files),
            nowMilliseconds: 1_700_000_000_000
        ) { (_) throws(WeirError) in
            source ?? log
        } openLogStore: { (_) throws(WeirError) in
            mirror ?? log
        } openAppender: { (_, settings) throws(WeirError) in
            try FileTopicAppender(writer, topic: settings.topic ?? "")
        }
        self.init(plan, deadLetters: "\(fixture.folder)/dead-letters/\(topology.name).ndjson", clock: clock)
    }

    /// Asks the run to end and waits until it has; fails when it failed.
    func stop() throws {
        run.stop()
        done.wait()
        if let failure = failure.withLock({ $0 }) { throw failure }
    }

    /// Whether the run has ended by itself.
    var hasFailed: Bool { failure.withLock { $0 != nil } }

    /// Waits until that is so; fails when the run has failed, or after a minute.
    func wait(_ what: String, until isSo: () throws -> Bool) throws {
        let deadline = ContinuousClock.now + .seconds(60)
        while try !isSo() {
            if let failure = failure.withLock({ $0 }) {
                done.signal()
                throw failure
            }
            guard ContinuousClock.now < deadline else { throw WeirError(.conflict, "not within a minute: \(what)") }
            Thread.sleep(forTimeInterval: 0.005)
        }
    }
}

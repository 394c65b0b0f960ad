import Bytes
import EventLog
import Foundation
import MixedTables
import StreamRuntime
import Testing
import WeirTesting

/// One long-lived topology in a changing environment: bursts, pauses, a constantly written dimension, other writers'
/// commits, members that join, leave and stall. At every quiet moment each table equals an oracle.
///
/// A run takes ten minutes with a `WEIR_SOAK` of 20, and some seconds without.
@Suite(.serialized, .hangGuard) struct LiveRunTests {
    private static let seconds = Soak.factor == 1 ? 8.0 : 30.0 * Double(Soak.factor)

    @Test(arguments: SeededGenerator.seeds(1).prefix(1))
    func `a run that stays up agrees with the oracle at every quiet moment`(seed: UInt64) throws {
        try withTemporaryFolder { folder in
            let live = try LiveTopology(folder: folder)
            defer { live.abandon() }
            var random = SeededGenerator(seed: seed)
            var oracle = LiveOracle()
            var story: [String] = []
            var checks = 0
            try live.start()
            let end = ContinuousClock.now + .seconds(Self.seconds)
            while ContinuousClock.now < end || checks == 0 {
                let action = LiveAction.allCases[Int(random.next() % UInt64(LiveAction.allCases.count))]
                story.append("\(action)")
                try perform(action, live, &oracle, &random)
                guard action == .quiet || story.count % 20 == 0 else { continue }
                let difference = try live.settle(oracle)
                checks += 1
                let recent = story.suffix(25).joined(separator: ", ")
                try #require(difference == nil, "seed \(seed), check \(checks): \(difference ?? "") after \(recent)")
            }
            // A stop ends reading where it is, so the last records must be in before it.
            let last = try live.settle(oracle)
            #expect(last == nil, "before the end, seed \(seed)")
            let refused = try live.stop()
            let difference = try live.difference(oracle)
            #expect(difference == nil, "after the end, seed \(seed)")
            #expect(!oracle.visits.isEmpty)
            print("live run, seed \(seed): \(story.count) actions, \(checks) checks, \(refused) commits refused")
        }
    }

    private func perform(
        _ action: LiveAction,
        _ live: LiveTopology,
        _ oracle: inout LiveOracle,
        _ random: inout SeededGenerator
    ) throws {
        switch action {
        case .people:
            try live.append(oracle.changePeople(1 + Int(random.next() % 40), &random), to: "people")
        case .visits:
            // A visit is joined with the row of the person that every reader can see by now.
            try #require(try live.waits { try live.people() == oracle.people }, "people are not committed")
            try live.append(oracle.visit(1 + Int(random.next() % 60), &random), to: "visits")
        case .pause:
            Thread.sleep(forTimeInterval: Double(random.next() % 300) / 1000)
        case .quiet: break
        case .optimize:
            try live.optimize(["shop.people", "shop.visits", "shop.visitors"][Int(random.next() % 3)])
        case .foreignAppend:
            // Keys that no pending change touches.
            try #require(try live.waits { try live.people() == oracle.people }, "people are not committed")
            try live.appendToBase(oracle.foreignPerson())
        case .suspend: live.suspend()
        case .join: try live.start()
        case .leave: try live.stopOne(Int(random.next() % 8))
        case .stall:
            if live.stall(Int(random.next() % 2)) > 0 {
                try live.append(oracle.changePeople(30, &random), to: "people")
                Thread.sleep(forTimeInterval: 0.1)
            }
            live.wake()
        }
    }
}

/// Events during the run.
enum LiveAction: CaseIterable {
    case people, visits, pause, quiet, optimize, foreignAppend, suspend, join, leave, stall
}

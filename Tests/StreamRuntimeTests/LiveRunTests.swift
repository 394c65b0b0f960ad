import Bytes
import EventLog
import Foundation
import MixedTables
import StreamRuntime
import Testing
import WeirTesting

/// One long-lived topology in a changing environment: bursts, pauses, a constantly written dimension, other writers'
/// commits and rewrites of base, members that join, leave, stall and crash, full disks, clocks that are set. At every
/// quiet moment each table, its base alone, its changes and what its commits say of their times equal an oracle.
///
/// A run takes ten minutes with a `WEIR_SOAK` of 20, and half a minute without.
@Suite(.serialized, .hangGuard) struct LiveRunTests {
    /// How often everything happens, in an order of its own each time.
    private static let rounds = Soak.rounds(3)

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
            for action in (0..<Self.rounds).flatMap({ _ in LiveAction.round.shuffled(using: &random) }) {
                story.append("\(action)")
                try perform(action, live, &oracle, &random)
                guard action == .quiet else { continue }
                let difference = try live.settle(oracle)
                checks += 1
                let recent = story.suffix(25).joined(separator: ", ")
                try #require(difference == nil, "seed \(seed), check \(checks): \(difference ?? "") after \(recent)")
                // A step of another engine takes a second or so.
                guard checks % 3 == 1 else { continue }
                if live.hasOutside {
                    let id = oracle.deletedPerson(&random)
                    try live.changeFromOutside(adding: oracle.foreignPerson(), deleting: id)
                    story.append("PyIceberg")
                }
                let outside = try live.differenceFromOutside(oracle)
                try #require(outside == nil, "seed \(seed), check \(checks): \(outside ?? "") after \(recent)")
            }
            // A stop ends reading where it is, so the last records must be in before it.
            let last = try live.settle(oracle)
            #expect(last == nil, "before the end, seed \(seed)")
            let refused = try live.stop()
            let difference = try live.difference(oracle)
            #expect(difference == nil, "after the end, seed \(seed)")
            #expect(!oracle.visits.isEmpty)
            print(
                "live run, seed \(seed): \(story.count) actions, \(checks) checks, \(refused) commits refused, "
                    + "\(live.failures) members failed, \(live.readsFromOutside) reads by other engines"
            )
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
            let tables = ["shop.people", "shop.visits", "shop.visitors", "shop.guests", "shop.visit_log"]
            try live.optimize(tables[Int(random.next() % 5)])
        case .foreignAppend:
            // Keys that no pending change touches.
            try #require(try live.waits { try live.people() == oracle.people }, "people are not committed")
            try live.appendToBase(oracle.foreignPerson())
        case .foreignGuests:
            let (ids, name) = oracle.addGuests(3)
            try live.appendGuests(ids, name: name)
        case .foreignRemove: if let gone = try live.removeGuests() { oracle.removeGuests(gone) }
        case .foreignRewrite: try live.compact()
        case .crash: live.fail(Int(random.next() % 3), after: Int(random.next() % 150), .crash)
        case .fullDisk: live.fail(Int(random.next() % 3), after: Int(random.next() % 150), .outOfSpace)
        case .setClock: live.setWall(byMinutes: Int(random.next() % 240) - 120)
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
    case people, visits, pause, quiet, optimize, foreignAppend, foreignGuests, foreignRemove, foreignRewrite, crash
    case fullDisk, setClock, suspend, join, leave, stall

    static let round = allCases + [.people, .people, .people, .visits, .visits, .visits, .pause, .quiet]
}

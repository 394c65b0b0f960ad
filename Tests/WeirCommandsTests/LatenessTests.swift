import Bytes
import MixedTables
import Testing

@testable import WeirCommands

/// Which stage is named as the one that holds changes back.
@Suite struct LatenessTests {
    /// Commits ten seconds apart, the last one `ago` before 1,000 s.
    private static func picture(
        read: Int64 = 10,
        decoded: Int64 = 2,
        cut: Int64 = 500,
        committed: Int64 = 40,
        inBase: Int64? = 300,
        ago: Int64 = 5000,
        backlog: Freshness.Backlog? = Freshness.Backlog(commits: 0, oldest: nil)
    ) -> Lateness.Picture {
        let now: Int64 = 1_000_000
        let commits = (0..<5).map { number in
            let time = now - ago - Int64(4 - number) * 10_000
            let ended = time - committed
            let times = StageTimes(
                source: ended - cut - decoded - read,
                read: ended - cut - decoded,
                decoded: ended - cut,
                cut: ended
            )
            return Freshness.Commit(committed: time, times: times, inBase: inBase.map { time + $0 })
        }
        var picture = Lateness.Picture(now: now, freshness: Freshness(commits: commits, backlog: backlog))
        picture.process = "42"
        picture.waiting = 0
        return picture
    }

    @Test func `the stage that takes longest is named`() {
        let cases: [(Lateness.Picture, String)] = [
            (Self.picture(read: 9000), "read"), (Self.picture(decoded: 9000), "decoded"), (Self.picture(), "cut"),
            (Self.picture(committed: 9000), "committed"), (Self.picture(inBase: 9000), "in base"),
        ]
        for (picture, stage) in cases {
            #expect(Lateness(picture).stage == stage)
            #expect(Lateness(picture).advice != nil)
        }
        #expect(Lateness(Self.picture(read: 9000)).reason.contains("9.00 s as a rule"))
    }

    @Test func `records that nobody reads are told`() {
        var picture = Self.picture(ago: 500_000)
        picture.waiting = 12
        picture.process = nil
        let lateness = Lateness(picture)
        #expect(lateness.stage == "read")
        #expect(lateness.reason == "no process on this machine writes the table, and 12 records wait in its topics")
        #expect(lateness.advice?.contains("weir run") == true)
    }

    @Test func `a process that does not commit is told`() {
        var picture = Self.picture(ago: 200_000)
        picture.waiting = 1
        let lateness = Lateness(picture)
        #expect(lateness.stage == "committed")
        #expect(lateness.reason == "process 42 has not committed for 3 min 20 s, and 1 record waits")
        // Without records there is nothing to commit.
        picture.waiting = 0
        picture.newestRecord = 799_000
        let idle = Lateness(picture)
        #expect(idle.stage == nil && idle.reason.contains("its newest record is 3 min 21 s old"), "\(idle.reason)")
    }

    @Test func `base that falls behind is told with what may keep it back`() {
        var picture = Self.picture(backlog: Freshness.Backlog(commits: 7, oldest: 1_000_000 - 90_000))
        let late = Lateness(picture)
        #expect(late.stage == "in base" && late.reason == "base lacks 7 commits, the oldest 90.0 s old")
        picture.refreshInterval = 60_000
        #expect(Lateness(picture).advice == "base.refresh-interval of the table is 60.0 s")
        picture.refreshInterval = nil
        picture.process = nil
        #expect(Lateness(picture).advice?.contains("weir optimize") == true)
        // What comes before takes longer: base is not to blame.
        let slow = Self.picture(read: 200_000, backlog: Freshness.Backlog(commits: 7, oldest: 1_000_000 - 90_000))
        #expect(Lateness(slow).stage == "read")
    }

    @Test func `what is not known is not claimed`() {
        var picture = Self.picture(ago: 200_000)
        picture.waiting = nil
        #expect(Lateness(picture).stage == nil)
        #expect(Lateness(picture).advice?.contains("--topology") == true)
        let empty = Lateness.Picture(now: 0, freshness: Freshness(commits: [], backlog: nil))
        #expect(Lateness(empty).reason == "nothing was ever committed to the table")
        // Clocks that disagree, and times that cannot be.
        let odd = Freshness.Commit(
            committed: .min,
            times: StageTimes(source: .max, read: 5, decoded: .min, cut: 7),
            inBase: .max
        )
        _ = Lateness(Lateness.Picture(now: .max, freshness: Freshness(commits: [odd, odd], backlog: nil)))
    }
}

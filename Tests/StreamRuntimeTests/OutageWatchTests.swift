import Testing

@testable import StreamRuntime

@Suite struct OutageWatchTests {
    @Test func `an outage is told once, again after a minute, and when it is over`() {
        let start = ContinuousClock.now
        var watch = OutageWatch(source: "cdc", now: start)
        let refused = { (_: ContinuousClock.Instant) -> String? in "broker a:1 refused the connection" }
        #expect(watch.isWaiting(now: start + .seconds(5)) { _ in nil } == nil)
        let told = watch.isWaiting(now: start + .seconds(6), trouble: refused)
        #expect(told == "source 'cdc': broker a:1 refused the connection; no records have come for 6 s")
        #expect(watch.isWaiting(now: start + .seconds(30), trouble: refused) == nil)
        #expect(watch.isWaiting(now: start + .seconds(70), trouble: refused) != nil)
        // No new problem was noticed since.
        #expect(watch.isWaiting(now: start + .seconds(140)) { $0 < start + .seconds(70) ? "old" : nil } == nil)
        let over = watch.sawRecords(now: start + .seconds(150))
        #expect(over == "source 'cdc': records come again, 150 s after the last ones")
        #expect(watch.sawRecords(now: start + .seconds(151)) == nil)
    }

    @Test func `what is over within moments is not told`() {
        let start = ContinuousClock.now
        var watch = OutageWatch(source: "cdc", now: start)
        #expect(watch.isWaiting(now: start + .seconds(2)) { _ in "refused" } == nil)
        #expect(watch.sawRecords(now: start + .seconds(2)) == nil)
        // A problem that was noticed before the last records does not count.
        #expect(watch.isWaiting(now: start + .seconds(9)) { $0 < start + .seconds(2) ? "refused" : nil } == nil)
    }
}

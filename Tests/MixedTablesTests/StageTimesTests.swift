import MixedTables
import Testing

/// Times of stages as a text of snapshot summaries.
@Suite struct StageTimesTests {
    @Test func `texts are read as they were written`() {
        for source: Int64? in [nil, 0, 1_764_144_000_000, .max] {
            let times = StageTimes(source: source, read: 5, decoded: -3, cut: .max)
            #expect(StageTimes(times.text) == times)
        }
        for text in ["", "1", "1,2,3", "1,2,3,4,5", "1,2,,4", "a,b,c,d", "1,2,3,99999999999999999999"] {
            #expect(StageTimes(text) == nil, "\(text)")
        }
    }

    @Test func `only differences that can be are told`() {
        let times = StageTimes(source: .min, read: .min, decoded: .min, cut: 0)
        let commit = Freshness.Commit(committed: 10, times: times, inBase: nil)
        #expect(commit.durations == [.read: 0, .decoded: 0, .committed: 10])
        #expect(commit.visibleAfter == nil)
        let other = StageTimes(source: 100, read: 90, decoded: 95, cut: 97)
        #expect(Freshness.Commit(committed: 99, times: other, inBase: 120).visibleAfter == nil)
        let durations = Freshness.Commit(committed: 99, times: other, inBase: 120).durations
        #expect(durations == [.read: -10, .decoded: 5, .cut: 2, .committed: 2, .inBase: 21])
    }
}

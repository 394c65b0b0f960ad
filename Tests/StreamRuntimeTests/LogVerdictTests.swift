import Bytes
import Testing

@testable import StreamRuntime

@Suite struct LogVerdictTests {
    private static let stale = LogVerdict.stale(WeirError(.invalid, "another record"))

    @Test func `what is known to be stale goes back, and what nothing is known of follows the others`() {
        #expect(LogVerdict.goBack([.present, .unknown, .none]) == [false, false, false])
        #expect(LogVerdict.goBack([.unknown, .unknown]) == [false, false])
        #expect(LogVerdict.goBack([Self.stale, .unknown, .none]) == [true, true, false])
        // A table that was not in the topology for a while: the others have moved to the new log meanwhile.
        #expect(LogVerdict.goBack([Self.stale, .present, .unknown]) == [true, false, false])
    }
}

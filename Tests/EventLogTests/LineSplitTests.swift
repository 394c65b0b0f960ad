import Testing

@testable import EventLog

@Test(
    arguments: [
        ("k\tv", 1), ("k\t", 1), ("\tv", 0), ("plain", nil), (#"{"a":1}"#, nil), ("{\"id\":1}\t{\"a\":2}", 8),
        ("{\t\"a\":1}", nil), ("{\"a\":\"}\"}\tv", 9), ("\"k\\\"\t\"\tv", 6), ("[1,\t[2]]\tv", 8),
        ("{\"open\":\t1", nil),
    ] as [(String, Int?)]
)
func `finds the separator that stands outside of JSON`(_ line: String, _ index: Int?) {
    let found = Array(line.utf8).withUnsafeBytes { LineSplit.separator(9, in: $0) }
    #expect(found == index)
}

import Bytes
import ChangeEvents
import Testing

@testable import LogStores

/// The 18-byte header of every record.
struct LogStoreHeaderTests {
    @Test func aFlipIsTheWorkedExampleByteForByte() throws {
        let header = LogStoreHeader(upstream: try UpstreamID("3f9a"), epoch: 4, isFlip: true)
        #expect(Hex.encode(header.bytes) == "6e657401" + "33663961" + "0000000000000004" + "01" + "00")
    }

    @Test func headersComeBack() throws {
        for action in ChangeKind.allCases {
            for epoch in [Int64.min, -1, 0, 1, .max] {
                let header = LogStoreHeader(version: .columnar, upstream: .random(), epoch: epoch, action: action)
                let read = try header.bytes.withUnsafeBytes { try LogStoreHeader(decoding: $0) }
                #expect(read == header)
            }
        }
    }

    private func decode(_ bytes: [UInt8]) throws -> LogStoreHeader {
        try bytes.withUnsafeBytes { try LogStoreHeader(decoding: $0) }
    }

    @Test func wrongHeadersAreRefusedWithTheReason() throws {
        let good = LogStoreHeader(upstream: try UpstreamID("3f9a"), epoch: 4).bytes
        for count in 0..<18 {
            #expect(throws: WeirError.self) { try decode(Array(good.prefix(count))) }
        }
        var magic = good
        magic[0] = 0x7b
        #expect { try decode(magic) } throws: { "\($0)".contains("0x7b6574") && "\($0)".contains("is the topic") }
        var version = good
        version[3] = 3
        #expect { try decode(version) } throws: { ($0 as? WeirError)?.code == .unsupported && "\($0)".contains("3") }
        var flag = good
        flag[16] = 2
        #expect { try decode(flag) } throws: { "\($0)".contains("has 2 where 0 or 1 belongs") }
        var action = good
        action[17] = 4
        #expect { try decode(action) } throws: { "\($0)".contains("unknown change kind 4") }
    }

    @Test func upstreamIdsAreFourCharacters() throws {
        #expect(try UpstreamID("3f9a").description == "3f9a")
        for text in ["", "3f9", "3f9ab", "äb1", "a b1"] {
            #expect(throws: WeirError.self) { try UpstreamID(text) }
        }
    }
}

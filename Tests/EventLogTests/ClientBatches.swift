import EventLog
import Foundation
import Testing
import WeirTesting

/// A record batch as sent by a Kafka client.
///
/// It has six records, of which the fifth is a tombstone: key `k<n>`, value `{"id":<n>,"status":"PAID","note":"weir
/// weir …"}`.
struct ClientBatch: Sendable, CustomTestStringConvertible {
    let client: String
    let codec: CompressionCodec
    let base64: String

    var testDescription: String { "\(client) \(codec)" }

    var bytes: [UInt8] { Data(base64Encoded: base64).map { [UInt8]($0) } ?? [] }

    static let records = (0..<6).map { number in
        TestRecord(
            key: Array("k\(number)".utf8),
            value: number == 4
                ? nil
                : Array(
                    #"{"id":\#(number),"status":"PAID","note":"\#(String(repeating: "weir ", count: 12))"}"#.utf8
                ),
            timestamp: 1_700_000_000_000 + Int64(number)
        )
    }

    // librdkafka 2.16 writes one snappy block and LZ4 frames that do not say how long they are. kafka-python 3.0 writes
    // snappy as Java's clients do, behind a header, and LZ4 frames that say how long they are.
    static let all = [
        ClientBatch(
            client: "librdkafka",
            codec: .gzip,
            base64:
                "AAAAAAAAAAAAAACwAAAAAALIhsTtAAEAAAAFAAABi8/laAAAAAGLz+VoBf//////////////////AAAABh+LCAAAAAAAAAM7x8jA"
                + "wMCSbbCHsVopM0XJykBHqbgksaS0WMlKKcDR00VJRykvvyQVyCtPzSxSIJNQqmU4x8jAxMSSbQizyJCGFrGwsGQbwSwyoqFFbGws"
                + "2cYwi4xpZZEAAwcHS7YJI8hGLi6WbFOYjaa0shEAFFZSvxYCAAA="
        ),
        ClientBatch(
            client: "librdkafka",
            codec: .snappy,
            base64:
                "AAAAAAAAAAAAAAC9AAAAAAKA3qgRAAIAAAAFAAABi8/laAAAAAGLz+VoBf//////////////////AAAABpYE0M4BAAAABGswvAF7"
                + "ImlkIjowLCJzdGF0dXMiOiJQQUlEIiwibm90ZSI6IndlaXIgd2VpciB3wgoAKCJ9AM4BAAICBGsxEWkAMf5pAGppABAEBARrMhFp"
                + "ADL+aQBqaQAQBgYEazMRaQAz/mkAXmkAHBAACAgEazQBIUQQCgoEazURcgA1/nIAXnIA"
        ),
        ClientBatch(
            client: "librdkafka",
            codec: .lz4,
            base64:
                "AAAAAAAAAAAAAAC/AAAAAAK49KCEAAMAAAAFAAABi8/laAAAAAGLz+VoBf//////////////////AAAABgQiTRhgQIJ/AAAA/yDO"
                + "AQAAAARrMLwBeyJpZCI6MCwic3RhdHVzIjoiUEFJRCIsIm5vdGUiOiJ3ZWlyIAUAJLQifQDOAQACAgRrMWkAHzFpAEhUBAQEazJp"
                + "AB8yaQBIVAYGBGszaQAfM2kARYAQAAgIBGs0AUQBVAoKBGs1cgAfNXIAQFByICJ9AAAAAAA="
        ),
        ClientBatch(
            client: "librdkafka",
            codec: .zstd,
            base64:
                "AAAAAAAAAAAAAACuAAAAAAIBo70BAAQAAAAFAAABi8/laAAAAAGLz+VoBf//////////////////AAAABii1L/0AWKUDAJQFzgEA"
                + "AAAEazC8AXsiaWQiOjAsInN0YXR1cyI6IlBBSUQiLCJub3RlIjoid2VpciAifQDOAQACAgRrMTEEBARrMjIGBgRrMzMQAAgIBGs0"
                + "AQDOAQAKCgRrNTUJAAVTPFrEFpgXEIpgMkA8hCnYQPgTZykD"
        ),
        ClientBatch(
            client: "kafka-python",
            codec: .gzip,
            base64:
                "AAAAAAAAAAAAAACwAAAAAALgirQCAAEAAAAFAAABi8/laAAAAAGLz+VoBf//////////////////AAAABh+LCADX7glrAv87x8jA"
                + "wMCSbbCHsVopM0XJykBHqbgksaS0WMlKKcDR00VJRykvvyQVyCtPzSxSIJNQqmU4x8jAxMSSbQizyJCGFrGwsGQbwSwyoqFFbGws"
                + "2cYwi4xpZZEAAwcHS7YJI8hGLi6WbFOYjaa0shEAFFZSvxYCAAA="
        ),
        ClientBatch(
            client: "kafka-python",
            codec: .snappy,
            base64:
                "AAAAAAAAAAAAAADRAAAAAAIVdroUAAIAAAAFAAABi8/laAAAAAGLz+VoBf//////////////////AAAABoJTTkFQUFkAAAAAAQAA"
                + "AAEAAACMlgTQzgEAAAAEazC8AXsiaWQiOjAsInN0YXR1cyI6IlBBSUQiLCJub3RlIjoid2VpciB3ZWlyIHfCCgAoIn0AzgEAAgIE"
                + "azERaQAx/mkAamkAEAQEBGsyEWkAMv5pAGppABAGBgRrMxFpADP+aQBeaQAcEAAICARrNAEhRBAKCgRrNRFyADX+cgBecgA="
        ),
        ClientBatch(
            client: "kafka-python",
            codec: .lz4,
            base64:
                "AAAAAAAAAAAAAADHAAAAAAKEEu8oAAMAAAAFAAABi8/laAAAAAGLz+VoBf//////////////////AAAABgQiTRhoQBYCAAAAAAAA"
                + "Z38AAAD/IM4BAAAABGswvAF7ImlkIjowLCJzdGF0dXMiOiJQQUlEIiwibm90ZSI6IndlaXIgBQAktCJ9AM4BAAICBGsxaQAfMWkA"
                + "SFQEBARrMmkAHzJpAEhUBgYEazNpAB8zaQBFgBAACAgEazQBRAFUCgoEazVyAB81cgBAUHIgIn0AAAAAAA=="
        ),
    ]
}

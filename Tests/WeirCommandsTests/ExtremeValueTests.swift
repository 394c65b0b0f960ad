import Foundation
import Testing
import WeirTesting

/// Extreme values of the types as partition values and in filters, through the binary.
@Suite(.hangGuard) struct ExtremeValueTests {
    static let topology = """
        name: ends
        pipeline: { commit.interval: 100ms }
        source: { name: ends, type: file-log, topics: [ends], format: debezium-json }
        tables:
          - name: shop.ends
            columns: { id: long, at: timestamptz, i: int, hours: int }
            primary-key: [id]
            partition-by: [at, "hour(at)", "truncate(10, i)", "year(at)"]
        transform:
          - source-table: shop.public.ends
            projection: "id, at, i, HOUR(at) AS hours"
        route: [{ source-table: shop.public.ends, sink-table: shop.ends }]
        sink: { type: mixed-iceberg }
        """

    /// PostgreSQL's infinity and -infinity become the extreme timestamps.
    static let moments = [
        1: "\"+294247-01-10T04:00:54.775807Z\"", 2: "\"-290308-12-21T19:59:05.224192Z\"",
        3: "\"2024-05-06T10:00:00Z\"", 4: "null",
    ]
    static let numbers = [1: "-2147483648", 2: "2147483647", 3: "-5", 4: "null"]

    static func record(_ id: Int, _ i: String) -> String {
        "{\"id\":\(id)}\t{\"before\":null,\"after\":{\"id\":\(id),\"at\":\(moments[id] ?? "null"),\"i\":\(i)},"
            + "\"source\":{\"db\":\"shop\",\"schema\":\"public\",\"table\":\"ends\"},\"op\":\"c\"}\n"
    }

    private func ids(_ weir: WeirBinary, _ arguments: String...) throws -> [Int] {
        let scan = try weir.start(["scan", "shop.ends", "-o", "json"] + arguments).finish(seconds: 60)
        #expect(scan.status == 0, "\(arguments): \(scan.errors)")
        return try scan.lines.map { line in
            let row = try #require(JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
            return try #require(row["id"] as? Int)
        }.sorted()
    }

    @Test func `tables partitioned by the ends of time are written, read on and pruned`() throws {
        try withTemporaryFolder { folder in
            let weir = WeirBinary(folder: folder)
            try Self.topology.write(toFile: folder + "/ends.yaml", atomically: true, encoding: .utf8)
            #expect(try weir("log", "create", "ends").status == 0)
            for round in 0..<2 {
                // The second run starts on a table that holds the values, and finds the first one's keys.
                let input = (1...4).map { Self.record($0, Self.numbers[$0] ?? "null") }.joined()
                #expect(try weir("log", "append", "ends", input: input).status == 0)
                let run = try weir("run", "ends.yaml", "--until-caught-up")
                try #require(run.status == 0, "round \(round): \(run.errors)")
                #expect(try ids(weir) == [1, 2, 3, 4])
            }
            #expect(try ids(weir, "--where", "i < 0") == [1, 3])
            #expect(try ids(weir, "--where", "at < '2024-05-06 10:00:00+00:00'") == [2])
            #expect(try weir("optimize", "shop.ends", "--full").status == 0)
            #expect(try ids(weir, "--where", "i = -2147483648") == [1])
            #expect(try ids(weir, "--where", "at > '2024-05-06 10:00:00+00:00' AND hours = 4") == [1])
            #expect(try ids(weir, "--where", "YEAR(at) > 200000 OR YEAR(at) < 0") == [1, 2])
        }
    }
}

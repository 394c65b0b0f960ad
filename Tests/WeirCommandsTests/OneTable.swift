import Testing

/// A topology of one topic and one table.
enum OneTable {
    /// A table `a.t` with the key `id`, fed by the topic `t`. The third line is the source, the fourth the table.
    static func topology(columns: String) -> String {
        """
        name: t
        source: [{ name: s, type: file-log, topics: [t], format: debezium-json }]
        tables:
          - { name: a.t, columns: { \(columns) }, primary-key: [id] }
        route: [{ source-table: a.t, sink-table: a.t }]
        sink: { type: mixed-iceberg }

        """
    }

    static func event(
        _ after: String,
        operation: String = "c",
        before: String = "null",
        table: String = "t"
    ) -> String {
        let source = "{\"db\":\"a\",\"table\":\"\(table)\"}"
        return "{\"op\":\"\(operation)\",\"source\":\(source),\"before\":\(before),\"after\":\(after)}\n"
    }

    /// A folder with the topology `t.yaml` after a run, with these new rows in its topic.
    static func prepare(
        _ folder: String,
        columns: String,
        _ rows: String...,
        more: String = "",
        expecting status: Int32 = 0
    ) throws -> WeirBinary {
        let weir = WeirBinary(folder: folder)
        try (topology(columns: columns) + more).write(toFile: folder + "/t.yaml", atomically: true, encoding: .utf8)
        #expect(try weir("log", "create", "t").status == 0)
        if !rows.isEmpty { try weir("log", "append", "t", input: rows.map { event($0) }.joined()) }
        let run = try weir("run", "t.yaml", "--until-caught-up", "--quiet")
        #expect(run.status == status, "\(run.errors)")
        return weir
    }
}

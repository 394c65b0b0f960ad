import Foundation

/// PyIceberg and DuckDB, which read and change tables with columns id and name: `base_session.py`.
public struct BaseSession: Sendable {
    public enum Engine: String, Sendable, CaseIterable { case pyiceberg, duckdb }

    /// What a script answers, and what it is asked.
    private struct Answer: Decodable {
        struct Row: Decodable {
            let id: Int64
            let name: String?

            init(from decoder: any Decoder) throws {
                var values = try decoder.unkeyedContainer()
                id = try values.decode(Int64.self)
                name = try values.decode(String?.self)
            }
        }
        let rows: [Row]?
        let error: String?
    }

    private struct Question: Encodable {
        struct Row: Encodable {
            let id: Int64
            let name: String?

            func encode(to encoder: any Encoder) throws {
                var values = encoder.unkeyedContainer()
                try values.encode(id)
                try values.encode(name)
            }
        }
        let `do`: String
        var engine: String?
        var metadata: String?
        var catalog: String?
        var warehouse: String?
        var table: String?
        var rows: [Row]?
        var ids: [Int64]?
    }

    private let session: PeerSession

    public init() throws { session = try PeerSession("base_session.py") }

    private func ask(_ question: Question) throws -> [Answer.Row] {
        let text = String(decoding: try JSONEncoder().encode(question), as: UTF8.self)
        let answer = try JSONDecoder().decode(Answer.self, from: Data(try session.ask(text).utf8))
        if let error = answer.error { throw Peers.Failure(description: "\(question.do): \(error)") }
        return answer.rows ?? []
    }

    /// The rows of a metadata file's current snapshot, in no order.
    public func rows(_ engine: Engine, metadata: String) throws -> [(id: Int64, name: String?)] {
        try ask(Question(do: "rows", engine: engine.rawValue, metadata: metadata)).map { ($0.id, $0.name) }
    }

    /// PyIceberg appends rows to `table` of the warehouse in `folder`.
    public func append(_ rows: [(id: Int64, name: String?)], to table: String, in folder: String) throws {
        var question = Question(do: "append", catalog: folder + "/catalog.db", warehouse: folder, table: table)
        question.rows = rows.map { Question.Row(id: $0.id, name: $0.name) }
        _ = try ask(question)
    }

    /// PyIceberg deletes the rows with these ids, by files of the rows that are left.
    public func delete(_ ids: [Int64], from table: String, in folder: String) throws {
        var question = Question(do: "delete", catalog: folder + "/catalog.db", warehouse: folder, table: table)
        question.ids = ids
        _ = try ask(question)
    }
}

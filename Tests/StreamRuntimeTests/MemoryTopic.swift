import Bytes
import ChangeEvents
import Columnar
import EventEncoders
import EventLog
import Foundation
import StreamRuntime
import Synchronization

/// An in-memory topic with transactional appends, which may fail before or after a commit.
final class MemoryTopic: Sendable {
    private struct Content {
        var values: [String] = []
        var states: [String: (state: String, count: Int64, opening: Int)] = [:]
        /// The number of commits until one fails; negative for never.
        var commitsLeft = -1
    }

    private let content = Mutex(Content())
    /// Whether states have room for the last records.
    let keepsLast: Bool

    init(keepsLast: Bool = true) { self.keepsLast = keepsLast }

    var values: [String] { content.withLock { $0.values } }

    /// Makes the commit after `commits` others fail, before or after it takes effect.
    func fail(after commits: Int) { content.withLock { $0.commitsLeft = commits } }

    func output(
        table: String,
        sink: Int,
        schema: Schema,
        format: EventFormat = .json,
        key: [String] = []
    ) -> TopicOutput {
        TopicOutput(table: table, sink: sink, format: format, schema: schema, primaryKey: key) {
            [self] topicPartition in
            open(Self.id(topicPartition))
        } earlier: { [self] isShared, partitions in
            (isShared ? [nil] : partitions.map(Optional.some)).map { topicPartition in
                EarlierTransactions(id: Self.id(topicPartition)) { [self] () throws(WeirError) in
                    stored(Self.id(topicPartition))
                } takenOver: { [self] () throws(WeirError) in
                    _ = open(Self.id(topicPartition))
                    return stored(Self.id(topicPartition))
                }
            }
        }
    }

    private static func id(_ topicPartition: TopicPartition?) -> String { topicPartition?.description ?? "all" }

    private func stored(_ id: String) -> EarlierTransactions.Stored? {
        content.withLock { content in
            content.states[id].flatMap { $0.count > 0 ? ($0.state, $0.count) : nil }
        }
    }

    private func open(_ id: String) -> Appender {
        let opening = content.withLock { content in
            content.states[id, default: ("", 0, 0)].opening += 1
            return content.states[id]?.opening ?? 0
        }
        return Appender(topic: self, id: id, opening: opening)
    }

    private func commit(_ batches: [RawBatch], _ state: String, _ id: String, _ opening: Int) throws(WeirError) {
        try content.withLock { (content) throws(WeirError) in
            guard content.states[id]?.opening == opening else { throw WeirError(.conflict, "taken over") }
            let fails = content.commitsLeft == 0
            content.commitsLeft -= 1
            if fails && content.values.count % 2 == 0 { throw WeirError(.storage, "simulated crash") }
            for batch in batches {
                for record in batch.records {
                    content.values.append(batch.value(record).map { String(decoding: $0, as: UTF8.self) } ?? "")
                }
            }
            content.states[id]?.state = state
            content.states[id]?.count += 1
            if fails { throw WeirError(.unknownState, "simulated crash") }
        }
    }

    private final class Appender: TransactionalAppender {
        let topic = "out"
        let partitions = [0]
        let ends: [Int: Int64] = [:]
        private let owner: MemoryTopic
        private let id: String
        private let opening: Int

        init(topic: MemoryTopic, id: String, opening: Int) { (owner, self.id, self.opening) = (topic, id, opening) }

        func append(_ batch: RawBatch) throws(WeirError) {}
        func flush() throws(WeirError) {}
        func fits(state: String) -> Bool { owner.keepsLast || !state.contains("\"last\"") }
        func close() throws(WeirError) {}
        func committedState() throws(WeirError) -> String? { owner.stored(id)?.state }
        func commit(_ batches: [RawBatch], state: String) throws(WeirError) {
            try owner.commit(batches, state, id, opening)
        }
    }
}

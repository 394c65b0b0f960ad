import Bytes
import ChangeEvents
import EventLog
import Topology

/// Checks a source's `scan.startup.specific-offsets` against the partitions that exist.
struct StartupOffsetsCheck {
    private static let key = "scan.startup.specific-offsets"

    private let source: Topology.Source
    private let log: any PartitionedLog
    /// Whether a table of the topology does not exist yet and so begins at these offsets. Existing tables have their
    /// own positions, and the log may have dropped older offsets since.
    private let isNew: Bool

    init(_ source: Topology.Source, _ log: any PartitionedLog, isNew: Bool) {
        self.source = source
        self.log = log
        self.isNew = isNew
    }

    /// - Parameter topics: all topics of the log.
    func problems(_ topics: [String], _ positions: Topology.Positions) -> [Topology.Problem] {
        guard case .offsets(let offsets) = source.startup else { return [] }
        let position = positions.position(of: .init(.source, source.name), at: [[Self.key]])
        var found: [Finding] = []
        for topic in topics where source.reads(topic: topic) {
            // Topics that cannot be queried are reported by the code that reads them.
            found += (try? findings(topic, offsets.filter { $0.key.topic == topic })) ?? []
        }
        // Missing topics that the source lists by name are reported elsewhere.
        for topic in Set(offsets.keys.map(\.topic)).sorted()
        where !topics.contains(topic) && !source.topics.contains(topic) {
            let message = "'\(Self.key)' names topic '\(topic)', which is not there"
            found.append(Finding(.warning, message, "check its name; it may come later"))
        }
        return found.map { finding in
            let message = "source '\(source.name)': \(finding.message)"
            return Topology.Problem(finding.severity, at: position, message, advice: finding.advice)
        }
    }

    private struct Finding {
        let severity: Topology.Problem.Severity
        let message: String
        let advice: String?

        init(_ severity: Topology.Problem.Severity, _ message: String, _ advice: String? = nil) {
            self.severity = severity
            self.message = message
            self.advice = advice
        }
    }

    private func findings(_ topic: String, _ offsets: [TopicPartition: Int64]) throws(WeirError) -> [Finding] {
        let partitions = try log.partitions(of: topic)
        let wrong: Topology.Problem.Severity = isNew ? .error : .warning
        var found: [Finding] = []
        for (partition, offset) in offsets.sorted(by: { $0.key < $1.key }) {
            let number = partition.partition
            guard partitions.contains(number) else {
                let known = partitions.map(String.init).joined(separator: ", ")
                let message = "'\(Self.key)' names partition \(number) of topic '\(topic)', which is not there"
                found.append(Finding(wrong, message, "its partitions are \(known)"))
                continue
            }
            let (earliest, end) = try log.offsets(topic: topic, partition: number)
            let named = "offset \(offset) of \(topic)/\(number)"
            if offset < earliest {
                let message = "\(named) lies before the first that is there, \(earliest)"
                found.append(lost(message, wrong, earliest))
            } else if offset > end, !isReadable(topic, number, offset) {
                found.append(Finding(wrong, "\(named) lies beyond the end, \(end)", "write \(end) to begin there"))
            }
        }
        let others = partitions.filter { offsets[TopicPartition(topic: topic, partition: $0)] == nil }
        if isNew, !others.isEmpty {
            let which = others.map(String.init).joined(separator: ", ")
            let what = others.count == 1 ? "partition \(which)" : "partitions \(which)"
            let begins = others.count == 1 ? "begins" : "begin"
            found.append(
                Finding(.note, "'\(Self.key)' leaves out \(what) of '\(topic)': \(begins) at the earliest offset")
            )
        }
        return found
    }

    private func lost(_ message: String, _ wrong: Topology.Problem.Severity, _ earliest: Int64) -> Finding {
        switch source.onLostOffsets {
        case .fail:
            let advice = "write \(earliest) or more, or scan.on-lost-offsets: earliest"
            return Finding(wrong, message, advice)
        case .earliest: return Finding(.warning, message, "reading begins there, as scan.on-lost-offsets says")
        case .latest: return Finding(.warning, message, "reading begins at the end, as scan.on-lost-offsets says")
        }
    }

    /// Some brokers report an end offset before their last records, so the check is whether a reader can be opened at
    /// the offset.
    private func isReadable(_ topic: String, _ number: Int, _ offset: Int64) -> Bool {
        source.kind == .kafka && (try? log.reader(topic: topic, partition: number, from: offset)) != nil
    }
}

import Bytes
import Foundation
import ObjectStorage

extension FileLog {
    /// Maximum number of partitions of a topic.
    public static let partitionsMax = 10_000

    /// Creates a topic atomically. Fails with `alreadyExists` when a topic of that name exists.
    ///
    /// - Parameter properties: overrides of the log's settings, under Kafka's names; see ``TopicProperties``.
    public func createTopic(
        _ topic: String,
        partitions: Int = 1,
        properties: [String: String] = [:]
    ) throws(WeirError) {
        try TopicName.check(topic)
        let properties = try TopicProperties(properties)
        _ = try properties.applied(to: settings)
        guard partitions >= 1, partitions <= Self.partitionsMax else {
            throw WeirError(
                .invalid,
                "a topic cannot have \(partitions) partitions",
                advice: "choose 1 to \(Self.partitionsMax)"
            )
        }
        try files.makeDirectories(root)
        try withRootLock { () throws(WeirError) in
            guard try files.status(paths.topic(topic)) == nil else {
                throw WeirError(
                    .alreadyExists,
                    "topic '\(topic)' exists already",
                    at: root,
                    advice: "append to it, or choose another name"
                )
            }
            let unfinished = paths.creating(topic)
            try removeTree(unfinished)
            for partition in 0..<partitions { try files.makeDirectories("\(unfinished)/\(partition)") }
            if !properties.values.isEmpty {
                let file = try files.open(LogPaths.properties(in: unfinished), .create)
                try file.write(properties.fileBytes, at: 0)
                try file.sync()
            }
            try files.syncDirectory(unfinished)
            try files.rename(unfinished, to: paths.topic(topic))
            try files.syncDirectory(root)
        }
    }

    /// Deletes a topic with all its records. Fails with `locked` while a writer has it open.
    public func deleteTopic(_ topic: String) throws(WeirError) {
        try TopicName.check(topic)
        try withRootLock { () throws(WeirError) in
            guard try files.status(paths.topic(topic))?.isDirectory == true else { throw try unknown(topic) }
            let lock = try TopicLock.take(
                paths.topicLock(topic),
                what: "topic '\(topic)'",
                owner: "weir",
                files
            )
            let leftover = paths.deleted(topic)
            try removeTree(leftover)
            // The topic is deleted once the rename is durable. After a crash, the next deletion removes the leftover
            // files.
            try files.rename(paths.topic(topic), to: leftover)
            try files.syncDirectory(root)
            try removeTree(leftover)
            withExtendedLifetime(lock) {}
        }
    }

    /// Creating and deleting topics exclude each other. Both are short, so this waits for the lock.
    private func withRootLock(_ body: () throws(WeirError) -> Void) throws(WeirError) {
        let deadline = MonotonicTime.after(milliseconds: 5000)
        while true {
            do {
                let lock = try TopicLock.take(paths.rootLock, what: "the log", owner: "weir", files)
                defer { withExtendedLifetime(lock) {} }
                return try body()
            } catch  where error.code == .locked && error.location == paths.rootLock && MonotonicTime.now < deadline {
                usleep(10_000)
            }
        }
    }

    private func removeTree(_ path: String) throws(WeirError) {
        guard try files.status(path) != nil else { return }
        for entry in try files.list(path) {
            let child = path + "/" + entry.name
            if entry.isDirectory { try removeTree(child) } else { try files.remove(child) }
        }
        try files.remove(path)
    }
}

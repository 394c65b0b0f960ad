import Foundation

/// The librdkafka of the Python client, which is newer than a distribution's; it has the same interface.
public enum KafkaClientLibrary {
    /// The file; nil when it is not installed.
    public static let path = Peers.files(in: "confluent_kafka.libs").first { $0.contains("/librdkafka") }

    /// Where tests are to prove something, a missing one is a failure and not a reason to skip.
    public static let isAvailable = path != nil || Peers.isRequired

    /// Makes a folder for `LD_LIBRARY_PATH`, in which this library stands for the system's.
    public static func link(in folder: String) throws {
        guard let path else {
            throw Peers.Failure(description: "confluent-kafka is not installed: scripts/install-test-peers does")
        }
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try FileManager.default.createSymbolicLink(atPath: folder + "/librdkafka.so.1", withDestinationPath: path)
    }
}

import Foundation

/// The librdkafka of the Python client. It is newer than a distribution's and has the same interface.
public enum KafkaClientLibrary {
    /// The path of the library; nil when it is not installed.
    public static let path = Peers.files(in: "confluent_kafka.libs").first { $0.contains("/librdkafka") }

    /// When peers are required, a missing library is a failure and not a reason to skip.
    public static let isAvailable = path != nil || Peers.isRequired

    /// Creates a folder for `LD_LIBRARY_PATH` in which this library replaces the system's.
    public static func link(in folder: String) throws {
        guard let path else {
            throw Peers.Failure(description: "confluent-kafka is not installed: scripts/install-test-peers does")
        }
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try FileManager.default.createSymbolicLink(atPath: folder + "/librdkafka.so.1", withDestinationPath: path)
    }
}

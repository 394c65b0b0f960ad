import Foundation

/// The librdkafka of the Python client in `.deps/peers`, for brokers that an older librdkafka of a distribution does
/// not support. It has the same interface, so a process that finds it first on the library path uses it.
struct KafkaLibrary {
    private let folder: String

    /// Nil when it is not installed.
    init?() {
        let files = FileManager.default
        let lib = files.currentDirectoryPath + "/.deps/peers/lib"
        let found = ((try? files.contentsOfDirectory(atPath: lib)) ?? []).lazy.compactMap { python -> String? in
            let libraries = "\(lib)/\(python)/site-packages/confluent_kafka.libs"
            let names = (try? files.contentsOfDirectory(atPath: libraries)) ?? []
            return names.first { $0.hasPrefix("librdkafka") }.map { "\(libraries)/\($0)" }
        }.first
        guard let found else { return nil }
        folder = Benchmark.folder("librdkafka")
        do {
            try files.createSymbolicLink(atPath: folder + "/librdkafka.so.1", withDestinationPath: found)
        } catch {
            return nil
        }
    }

    var environment: [String: String] {
        let others = ProcessInfo.processInfo.environment["LD_LIBRARY_PATH"].map { ":" + $0 } ?? ""
        return ["LD_LIBRARY_PATH": folder + others]
    }

    func remove() { Benchmark.remove(folder) }
}

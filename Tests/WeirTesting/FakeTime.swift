import Foundation

/// A wall clock that a test sets while a program runs, through libfaketime loaded into the program. Monotonic clocks
/// are the machine's.
public struct FakeTime {
    private static let library: String? = {
        let folders = (try? FileManager.default.contentsOfDirectory(atPath: "/usr/lib")) ?? []
        return folders.map { "/usr/lib/\($0)/faketime/libfaketimeMT.so.1" }.first {
            FileManager.default.fileExists(atPath: $0)
        }
    }()

    public static let isInstalled = library != nil

    private let path: String

    /// - Parameter folder: the folder of the file from which programs read the time.
    public init(folder: String) throws {
        path = folder + "/wall-clock"
        try set(hours: 0)
    }

    /// Starts a program with its arguments. libfaketime sets an environment variable in the first program that loads
    /// it, and Swift locates a program's arguments relative to its environment. The first program must therefore be
    /// another one.
    public static let launcher = "/usr/bin/env"

    /// The environment for the launcher.
    public var environment: [String: String] {
        [
            "LD_PRELOAD": Self.library ?? "", "FAKETIME_TIMESTAMP_FILE": path, "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        ]
    }

    /// Sets the wall clock to the machine's time plus `hours`.
    public func set(hours: Int) throws {
        try "\(hours < 0 ? "" : "+")\(hours * 3600)\n".write(toFile: path, atomically: true, encoding: .utf8)
    }
}

import Foundation

/// A wall clock that a test sets while a program runs: libfaketime, loaded into the program. The clocks that only go forward
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

    /// - Parameter folder: where the file lies that programs read the time from.
    public init(folder: String) throws {
        path = folder + "/wall-clock"
        try set(hours: 0)
    }

    /// Starts a program given with its arguments. libfaketime sets a variable in the first program that it is loaded into,
    /// and Swift finds the arguments of a program beside its environment: the first one must be another.
    public static let launcher = "/usr/bin/env"

    /// What a program is started with, by the launcher.
    public var environment: [String: String] {
        [
            "LD_PRELOAD": Self.library ?? "", "FAKETIME_TIMESTAMP_FILE": path, "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        ]
    }

    /// Steps the wall clock to so many hours from the machine's.
    public func set(hours: Int) throws {
        try "\(hours < 0 ? "" : "+")\(hours * 3600)\n".write(toFile: path, atomically: true, encoding: .utf8)
    }
}

import Bytes
import Foundation
import ObjectStorage

/// Allows one process at a time to create tables in a warehouse. A table has two stores: a process that finds only one
/// of them takes it for the remains of an interrupted creation.
public struct CreationLock: Sendable {
    private static let waitSeconds = 60.0

    private let directory: String
    private let files: any FileSystem

    public init(warehouse: String, files: any FileSystem) {
        directory = warehouse + "/.weir"
        self.files = files
    }

    /// Waits for the lock. It is held as long as the returned file is open.
    func hold() throws(WeirError) -> any OpenFile {
        try files.makeDirectories(directory)
        // No ".lock" suffix: that is for the locks of topologies.
        let path = directory + "/creation"
        let file = try files.open(path, .write)
        let deadline = ContinuousClock.now + .seconds(Self.waitSeconds)
        while try !file.tryLock() {
            guard ContinuousClock.now < deadline else {
                throw WeirError(
                    .locked,
                    "another process is making tables, for longer than \(Int(Self.waitSeconds)) s",
                    at: path,
                    advice: "is a process of this warehouse stopped?"
                )
            }
            Thread.sleep(forTimeInterval: 0.01)
        }
        return file
    }
}

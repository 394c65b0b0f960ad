import Bytes
import Foundation
import ObjectStorage

/// Lets one process at a time make tables in a warehouse: a table has two stores, and another process that finds one of
/// them takes it for what is left of a creation that was cut short.
public struct CreationLock: Sendable {
    private static let waitSeconds = 60.0

    private let directory: String
    private let files: any FileSystem

    public init(warehouse: String, files: any FileSystem) {
        directory = warehouse + "/.weir"
        self.files = files
    }

    /// Waits for the lock. It is held for as long as the file is.
    func hold() throws(WeirError) -> any OpenFile {
        try files.makeDirectories(directory)
        // Locks of topologies end in ".lock".
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

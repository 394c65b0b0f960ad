import Bytes
import StreamRuntime
import WeirTesting

/// A process of a live topology, whose storage may fail.
struct LiveMember {
    let live: LiveRun
    let files: FaultyFileSystem

    var isOver: Bool { live.isOver }

    /// Ends it. Fails with its error unless that comes from the failure of its storage.
    func end() throws {
        if let failure = live.end(), !files.hasFailed { throw failure }
    }
}

import Bytes
import Foundation
import MixedTables
import ObjectStorage
import Synchronization
import WeirTesting

/// The folder of a table's key index and what happens to it: restarts, kills, damage, a full disk.
final class KeyIndexPlace: Sendable {
    let folder: String
    private let memory: Int
    /// Whether the disk takes no new file.
    let isFull = Atomic(false)
    let time = SkippingClock()
    private let events = Mutex<[KeyIndexState.Event]>([])
    private var files: WatchedFileSystem {
        WatchedFileSystem { [self] (path, access) throws(WeirError) in
            guard isFull.load(ordering: .relaxed), access != .read, !path.hasSuffix("/LOCK") else { return }
            throw WeirError(.outOfSpace, "no space left on device", at: path)
        }
    }

    /// - Parameter memory: bytes that the index may take.
    init(in folder: String, memory: Int = 1500) {
        self.folder = folder + "/keys/table"
        self.memory = memory
    }

    /// The index as another process begins with it.
    func state() -> KeyIndexState {
        KeyIndexState(folder, memory: KeyMemory(bytes: memory), files: files, clock: time.clock) { [self] event in
            events.withLock { $0.append(event) }
        }
    }

    /// What was told since the last call.
    func takeEvents() -> [KeyIndexState.Event] {
        events.withLock { events in
            defer { events = [] }
            return events
        }
    }

    /// The files, except the one that is locked.
    func names() -> [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).filter { $0 != "LOCK" }.sorted()
    }

    func remove() { try? FileManager.default.removeItem(atPath: folder) }

    func change(_ name: String, _ body: (inout Data) -> Void) throws {
        let url = URL(fileURLWithPath: folder + "/" + name)
        var bytes = try Data(contentsOf: url)
        body(&bytes)
        // Another file of that name: the old one may be mapped.
        try bytes.write(to: url, options: .atomic)
    }

    /// Flips a bit, cuts a file, removes one or all, or does nothing.
    func damage(_ random: inout SeededGenerator) throws {
        guard let name = names().randomElement(using: &random) else { return }
        switch random.next() % 8 {
        case 0:
            let place = random.next()
            try change(name) { bytes in
                if !bytes.isEmpty { bytes[Int(place % UInt64(bytes.count))] ^= 1 << UInt8(place >> 61) }
            }
        case 1: try change(name) { $0 = $0.prefix($0.count / 2) }
        case 2: try FileManager.default.removeItem(atPath: folder + "/" + name)
        case 3: remove()
        default: break
        }
    }

    /// What a process may live through between two steps.
    func disturb(_ random: inout SeededGenerator) {
        time.skip(.seconds(20))
        switch random.next() % 12 {
        case 0: remove()
        case 1: isFull.store(true, ordering: .relaxed)
        case 2, 3, 4: isFull.store(false, ordering: .relaxed)
        default: break
        }
    }

    /// The next process after this one has ended in order, or was killed.
    func restarted(_ old: inout Materializer?, _ table: MixedTable, _ random: inout SeededGenerator) throws
        -> Materializer
    {
        switch random.next() % 3 {
        case 0: break
        case 1: old?.saveKeys()
        default:
            old?.saveKeys()
            old?.end()
        }
        old = nil
        try damage(&random)
        return Materializer(table, state: state())
    }
}

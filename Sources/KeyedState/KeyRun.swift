import Bytes
import Foundation

/// Where a file has a run.
struct RunCopy: Sendable, Equatable {
    let file: String
    /// Where in the file the run begins, with its header.
    let offset: Int
    /// CRC-32C of its body.
    let checksum: UInt32
}

/// Keys and their places, sorted by hash; immutable. The keys of one shard, or of a part of its history.
final class KeyRun<Hash: RunHash>: Sendable {
    /// Lines and entries (see `RunView`), in memory or mapped from a file.
    let body: Buffer
    let shard: Int
    let view: RunView<Hash>
    /// The translation that all its places went through.
    let version: Int
    /// Where a file has the same run; nil when only memory has it.
    let copy: RunCopy?
    /// Whether `body` is mapped from that file, and takes no memory of its own.
    let isMapped: Bool

    var count: Int { view.layout.count }

    init(
        body: Buffer,
        shard: Int,
        layout: RunLayout,
        version: Int,
        copy: RunCopy? = nil,
        isMapped: Bool = false
    ) {
        self.body = body
        self.copy = copy
        self.isMapped = isMapped
        self.shard = shard
        self.version = version
        view = RunView(lines: body.base, entries: body.base + layout.lines * RunLayout.lineBytes, layout: layout)
    }

    /// Packs entries of one shard, sorted by hash and without repeats.
    convenience init(
        _ sorted: UnsafeBufferPointer<RunEntry<Hash>>,
        shard: Int,
        shardBits: Int,
        version: Int
    ) {
        let layout = RunLayout(sorted, shardBits: shardBits)
        let body = Buffer.filled(count: layout.bodyBytes) { target in
            guard let base = target.baseAddress else { return }
            memset(base, 0, target.count)
            RunView.write(sorted, layout, to: base)
        }
        self.init(body: body, shard: shard, layout: layout, version: version)
    }

    /// The same run with a copy in a file.
    func copied(to copy: RunCopy) -> KeyRun {
        KeyRun(body: body, shard: shard, layout: view.layout, version: version, copy: copy, isMapped: isMapped)
    }

    /// All entries, in the order of their hashes.
    func entries() -> [RunEntry<Hash>] {
        [RunEntry<Hash>](unsafeUninitializedCapacity: count) { target, filled in
            view.forEach(shard: shard) {
                target[filled] = $0
                filled += 1
            }
        }
    }
}

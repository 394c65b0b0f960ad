import Bytes
import Foundation

/// Keys and their places, sorted by hash; immutable. The keys of one shard, or of a part of its history.
final class KeyRun<Hash: RunHash>: Sendable {
    /// Lines and entries (see `RunView`), in memory or mapped from a file.
    let body: Buffer
    let shard: Int
    let view: RunView<Hash>
    /// The translation that all its places went through.
    let version: Int
    /// The file that `body` is mapped from; nil when it is in memory.
    let file: String?
    /// Where in the file the run begins, with its header.
    let fileOffset: Int

    var count: Int { view.layout.count }

    init(body: Buffer, shard: Int, layout: RunLayout, version: Int, file: String? = nil, fileOffset: Int = 0) {
        self.body = body
        self.file = file
        self.fileOffset = fileOffset
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

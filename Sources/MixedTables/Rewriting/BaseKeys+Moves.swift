import Bytes
import IcebergTables
import KeyedState

extension BaseKeys {
    /// A rewrite of some files as others.
    struct FileMove {
        let inputs: [(number: UInt32, map: RowMap)]
        /// Nil for one without a live row, which is not in the table.
        let outputs: [(task: FileScanTask, deleted: DeletedRows)?]
    }

    /// Gives the rows of rewritten files their new places. Costs as much as there are files and recent changes.
    func move(_ moves: [FileMove]) throws(WeirError) {
        if moves.isEmpty { return }
        forgetMoves()
        for move in moves {
            var numbers: [UInt32?] = []
            for output in move.outputs {
                guard let output else {
                    numbers.append(nil)
                    continue
                }
                numbers.append(
                    try files.add(
                        output.task.file,
                        dataSequenceNumber: output.task.dataSequenceNumber,
                        deletes: output.task.deletes,
                        deleted: output.deleted
                    )
                )
            }
            for (number, map) in move.inputs {
                moved.add(number, map, outputs: numbers, version: places.version + 1)
                files.retire(number)
            }
        }
        places.translate(through: moved)
        copies = copies.mapValues { places in
            var places = places
            moved.translate(&places)
            return places.filter(\.exists)
        }
    }

    /// Bytes of memory that the maps of rewritten files take, until no part of the index needs them any more.
    var movedBytes: Int { places.isFinal ? 0 : moved.byteCount }

    /// Makes places of rewritten files final in some parts of the index.
    ///
    /// - Parameter merges: at most; each concerns a 256th of the keys.
    func settleMoves(merges: Int) {
        var left = merges
        while left > 0, !places.isFinal, let merge = places.dueMerge(finalizes: true) {
            places.adopt(merge.merged())
            left -= 1
        }
        forgetMoves()
    }

    /// Forgets maps that every part of the index has gone through.
    private func forgetMoves() {
        guard !places.isFinal, let oldest = places.oldestVersion else { return moved = MovedRows() }
        if moved.forget(upTo: oldest) { places.shorten(translation: moved) }
    }
}

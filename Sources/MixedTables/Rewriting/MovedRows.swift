import KeyedState

/// Where the rows of rewritten base files are, by file number: the key index keeps the old places, which are translated
/// when they are looked up and made final when their part of the index is next merged.
struct MovedRows: PlaceTranslation {
    private struct Move {
        let map: RowMap
        /// The numbers of the outputs; nil for those that were not committed.
        let outputs: [UInt32?]
        /// Of the translation that it came with.
        let version: Int
    }

    private var moves: [UInt32: Move] = [:]

    var isEmpty: Bool { moves.isEmpty }
    /// Bytes of memory.
    var byteCount: Int { moves.values.reduce(0) { $0 + $1.map.byteCount + $1.outputs.count * 8 } }

    /// - Parameter version: of the translation that it comes with.
    mutating func add(_ number: UInt32, _ map: RowMap, outputs: [UInt32?], version: Int = 0) {
        moves[number] = Move(map: map, outputs: outputs, version: version)
    }

    /// Forgets what came with a translation or before it.
    ///
    /// - Returns: whether there was any.
    mutating func forget(upTo version: Int) -> Bool {
        let count = moves.count
        moves = moves.filter { $0.value.version > version }
        return moves.count < count
    }

    /// Outputs that were rewritten again are followed to the last file.
    func translate(_ places: inout [KeyPlace]) {
        if moves.isEmpty { return }
        var last: (file: UInt32, move: Move)?
        for index in places.indices where places[index].exists {
            var place = places[index]
            while place.exists {
                if last?.file != place.file {
                    guard let move = moves[place.file] else { break }
                    last = (place.file, move)
                }
                guard let move = last?.move, let found = move.map[place.row],
                    let number = move.outputs[Int(found.output)]
                else {
                    place = .none
                    break
                }
                place = KeyPlace(file: number, row: found.row)
            }
            places[index] = place
        }
    }
}

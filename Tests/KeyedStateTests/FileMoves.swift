import KeyedState

/// A rewrite of files: every row moves to the same row of another file, except those of some rows, which are gone.
struct FileMoves: PlaceTranslation {
    var files: [UInt32: UInt32] = [:]
    var gone: Set<KeyPlace> = []

    func translate(_ places: inout [KeyPlace]) {
        for index in places.indices where places[index].exists {
            var place = places[index]
            while !gone.contains(place), let file = files[place.file] {
                place = KeyPlace(file: file, row: place.row)
            }
            places[index] = gone.contains(place) ? .none : place
        }
    }
}

/// Where the rows of rewritten files are now.
///
/// A rewrite of files need not touch a map: places that name the old files are translated when they are looked up, and
/// made final when their run is next merged.
public protocol PlaceTranslation: Sendable {
    /// Replaces the places of rows in rewritten files; `KeyPlace.none` for a row that was dropped. Every other place,
    /// including those that do not exist, stays as it is.
    ///
    /// A file that was rewritten into one that was rewritten again is translated to the last one: the result names no
    /// rewritten file, so translating it again changes nothing.
    func translate(_ places: inout [KeyPlace])
}

extension PlaceTranslation {
    /// Translates places; those of dropped rows become `dropped`. Places that do not exist stay as they are.
    func translateAndMark(_ places: inout [KeyPlace]) {
        let before = places
        translate(&places)
        for index in places.indices where !places[index].exists {
            places[index] = before[index].exists ? .dropped : before[index]
        }
    }
}

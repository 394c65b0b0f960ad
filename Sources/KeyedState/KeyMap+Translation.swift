extension KeyMap<KeyPlace> {
    /// Translates all places. Keys whose row was dropped become removed ones.
    ///
    /// - Returns: number of keys whose row was dropped.
    mutating func translate(_ translation: any PlaceTranslation) -> Int {
        var dropped = 0
        narrow.replaceValues { Self.translate(&$0, translation, &dropped) }
        wide.replaceValues { Self.translate(&$0, translation, &dropped) }
        return dropped
    }

    private static func translate(
        _ places: inout [KeyPlace],
        _ translation: any PlaceTranslation,
        _ dropped: inout Int
    ) {
        translation.translateAndMark(&places)
        for index in places.indices where places[index] == .dropped {
            places[index] = .removed
            dropped += 1
        }
    }
}

import Foundation

/// The dead letters that a file held when a generation began. Their records may be read again, which is not reported
/// again.
struct EarlierLetters {
    private var left: Set<DeadLetterLine.Identity>

    init(_ known: Set<DeadLetterLine.Identity>) { left = known }

    /// Whether a letter is one of them. True only once for each letter.
    mutating func take(_ letter: DeadLetter) -> Bool {
        if left.isEmpty { return false }
        guard let line = try? DeadLetterLine.encoder.encode(letter),
            let identity = DeadLetterLine.identity([UInt8](line))
        else { return false }
        return left.remove(identity) != nil
    }
}

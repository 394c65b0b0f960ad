/// Suggests corrections for misspelt names.
public enum NearestName {
    /// "did you mean 'x'?" when a candidate is near enough, otherwise the list of candidates.
    public static func advice(for name: String, among candidates: [String]) -> String? {
        if let nearest = nearest(to: name, among: candidates) { return "did you mean '\(nearest)'?" }
        guard !candidates.isEmpty else { return nil }
        let shown = candidates.sorted().prefix(12).joined(separator: ", ")
        return "known are \(shown)\(candidates.count > 12 ? ", …" : "")"
    }

    /// The candidate with the fewest edits, if they are at most a third of the name.
    public static func nearest(to name: String, among candidates: [String]) -> String? {
        let ranked = candidates.map { (distance(name.lowercased(), $0.lowercased()), $0) }.min { $0.0 < $1.0 }
        guard let (edits, candidate) = ranked, edits <= max(1, max(name.count, candidate.count) / 3) else { return nil }
        return candidate
    }

    /// Edits between two words: insertions, deletions, replacements and swaps of neighbours.
    static func distance(_ left: String, _ right: String) -> Int {
        let a = Array(left.utf8)
        let b = Array(right.utf8)
        var beforeLast: [Int] = []
        var last = Array(0...b.count)
        for i in 0..<a.count {
            var row = [i + 1]
            for j in 0..<b.count {
                var edits = min(last[j] + (a[i] == b[j] ? 0 : 1), last[j + 1] + 1, row[j] + 1)
                if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] { edits = min(edits, beforeLast[j - 1] + 1) }
                row.append(edits)
            }
            beforeLast = last
            last = row
        }
        return last[b.count]
    }
}

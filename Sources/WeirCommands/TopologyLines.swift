/// Finds the lines of a topology file that an error is about.
struct TopologyLines {
    private let lines: [Substring]

    init(_ yaml: String) { lines = yaml.split(separator: "\n", omittingEmptySubsequences: false) }

    /// The first line that names what an error is about, 1 when none does.
    func line(of message: String) -> Int {
        for word in Self.words(message[...]) where word.contains(".") {
            if let place = lines.firstIndex(where: { Self.words($0).contains(word) }) { return place + 1 }
        }
        return 1
    }

    /// The line of a source or sink that holds one of the words, the first of them that is found; otherwise where it
    /// begins.
    ///
    /// - Parameters:
    ///   - section: `source` or `sink`.
    ///   - name: what it is called; nil for a sink without a name.
    func line(section: String, name: String?, words: [String]) -> Int {
        guard let start = lines.firstIndex(where: { $0.hasPrefix(section + ":") }) else { return 1 }
        let end = lines[(start + 1)...].firstIndex { line in !(line.first.map { " -#\t\r".contains($0) } ?? true) }
        let entries = entries(start..<(end ?? lines.endIndex))
        let named = name.flatMap { name in
            entries.first { entry in
                entry.contains { index in
                    let found = Self.words(lines[index])
                    return found.contains("name") && found.contains(name[...])
                }
            }
        }
        for entry in named.map({ [$0] }) ?? entries {
            for word in words {
                if let place = entry.first(where: { Self.words(lines[$0]).contains(word[...]) }) { return place + 1 }
            }
        }
        return (named?.lowerBound ?? start) + 1
    }

    /// The members of a list, or the whole section when it is none.
    private func entries(_ section: Range<Int>) -> [Range<Int>] {
        func indent(_ index: Int) -> Int? {
            let blanks = lines[index].prefix { $0 == " " }.count
            return lines[index].dropFirst(blanks).hasPrefix("-") ? blanks : nil
        }
        guard let first = section.lazy.compactMap(indent).first else { return [section] }
        let starts = section.filter { indent($0) == first }
        return starts.indices.map { place in
            starts[place]..<(place + 1 < starts.count ? starts[place + 1] : section.upperBound)
        }
    }

    /// Without what follows a `#`.
    private static func words(_ line: Substring) -> [Substring] {
        line.prefix { $0 != "#" }.split { !($0.isLetter || $0.isNumber || "._-".contains($0)) }
    }
}

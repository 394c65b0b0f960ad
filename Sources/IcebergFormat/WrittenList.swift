import Synchronization

/// Where a long list of objects stands in the last file that was written of a table.
///
/// Every commit writes such lists again with little change: some objects are gone at the beginning, others have been
/// added at the end. What stays is copied from the last file at one go, without a look at each object. The states of a
/// table share this memory; it changes nothing about what is written.
struct WrittenList<Element: Sendable>: Sendable {
    private let memory = Memory()

    private final class Memory: Sendable { let last = Mutex<Written?>(nil) }

    private struct Written: Sendable {
        let elements: [Element]
        /// The beginning of each element's text in `file`, and one more, behind the byte that follows the last one.
        let starts: [Int]
        let file: [UInt8]
    }

    /// The list as it stands in a file that is being written, to be noted when that is complete.
    struct Place: Sendable {
        fileprivate let elements: [Element]
        fileprivate let starts: [Int]
    }

    /// Appends the texts of the elements, separated by commas.
    ///
    /// - Parameters:
    ///   - isSame: whether two elements are one object; may be false in case of doubt.
    ///   - text: the JSON text of an element.
    func append(
        _ elements: [Element],
        to file: inout [UInt8],
        isSame: (Element, Element) -> Bool,
        text: (Element) -> [UInt8]
    ) -> Place {
        var starts: [Int] = []
        starts.reserveCapacity(elements.count + 1)
        if let last = memory.last.withLock({ $0 }), let first = elements.first,
            let from = last.elements.firstIndex(where: { isSame($0, first) })
        {
            var count = 1
            while count < elements.count, from + count < last.elements.count,
                isSame(last.elements[from + count], elements[count])
            {
                count += 1
            }
            let begin = last.starts[from]
            let shift = file.count - begin
            file.append(contentsOf: last.file[begin..<last.starts[from + count] - 1])
            for start in last.starts[from..<from + count] { starts.append(start + shift) }
        }
        for element in elements[starts.count...] {
            if !starts.isEmpty { file.append(UInt8(ascii: ",")) }
            starts.append(file.count)
            file.append(contentsOf: text(element))
        }
        starts.append(file.count + 1)
        return Place(elements: elements, starts: starts)
    }

    func note(_ place: Place, in file: [UInt8]) {
        memory.last.withLock { $0 = Written(elements: place.elements, starts: place.starts, file: file) }
    }

    /// The size of the last file; 0 if there is none.
    var lastCount: Int { memory.last.withLock { $0?.file.count ?? 0 } }
}

extension WrittenList: Hashable {
    static func == (left: Self, right: Self) -> Bool { true }
    func hash(into hasher: inout Hasher) {}
}

import Bytes
import Columnar
import ObjectStorage

/// The content of a Mixed table's file, by the letters in its name (spec section 2.3).
public enum DataFileType: String, Sendable {
    case base = "B"
    case insert = "I"
    case equalityDelete = "ED"
    case positionDelete = "PD"
    case icebergEqualityDelete = "IED"
    case log = "L"
}

/// The name of a data file: `<node>-<type>-<txId>-<partition>-<task>-<op>-<count>.parquet` (spec section 2.1).
public struct DataFileName: Sendable, Equatable {
    public let node: TreeNode
    public let type: DataFileType
    /// 0 when the transaction is the data sequence number of the commit.
    public let transactionId: Int64

    public init(node: TreeNode, type: DataFileType, transactionId: Int64) {
        self.node = node
        self.type = type
        self.transactionId = transactionId
    }

    /// Parses the last component of a path; nil for a name of another format (spec section 2.2).
    public init?(path: String) {
        var rest = Substring(path.lastPathComponent)
        if rest.first == "." { rest = rest.dropFirst() }
        let parts = rest.split(separator: "-", maxSplits: 5, omittingEmptySubsequences: false)
        guard parts.count == 6, let id = Int64(digits: parts[0]), let type = DataFileType(rawValue: String(parts[1])),
            let transactionId = Int64(digits: parts[2]), Int64(digits: parts[3]) != nil, Int64(digits: parts[4]) != nil,
            let id = Int(exactly: id), let node = TreeNode(id: id)
        else { return nil }
        self.init(node: node, type: type, transactionId: transactionId)
    }
}

extension Int64 {
    /// Accepts only digits: no sign, no space.
    fileprivate init?(digits text: Substring) {
        guard !text.isEmpty, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        self.init(text)
    }
}

/// Names the files that one writer creates: one operation id, and a counter that starts at 1.
struct DataFileNames {
    private let operation: UInt64
    private var count = 0

    init(random: inout some RandomNumberGenerator) {
        // 63 random bits, equivalent to XORing the halves of a random UUID and clearing the sign bit.
        operation = random.next() >> 1
    }

    mutating func next(node: TreeNode, type: DataFileType, transactionId: Int64) -> String {
        count += 1
        let digits = String(count)
        let padded = String(repeating: "0", count: max(0, 5 - digits.count)) + digits
        return "\(node.id)-\(type.rawValue)-\(transactionId)-00000-0-\(operation)-\(padded).parquet"
    }
}

/// The role of a file in a Mixed table, with fallbacks for names that other writers chose (spec section 2.4).
public struct FileRole: Sendable, Equatable {
    public let type: DataFileType
    public let node: TreeNode
    public let transactionId: Int64

    /// A file of the change store.
    public static func change(path: String, dataSequenceNumber: Int64) -> FileRole {
        guard let name = DataFileName(path: path) else {
            return FileRole(type: .insert, node: .root, transactionId: dataSequenceNumber)
        }
        return FileRole(
            type: name.type,
            node: name.node,
            transactionId: name.transactionId > 0 ? name.transactionId : dataSequenceNumber
        )
    }

    /// A file of the base store.
    public static func base(path: String) -> FileRole {
        guard let name = DataFileName(path: path) else {
            return FileRole(type: .base, node: .root, transactionId: 0)
        }
        return FileRole(
            type: name.type == .insert ? .base : name.type,
            node: name.node,
            transactionId: name.transactionId
        )
    }
}

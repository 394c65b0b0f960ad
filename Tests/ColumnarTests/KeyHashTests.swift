import Columnar
import Testing
import WeirTesting

/// The test vectors of the mixed format's section 3.4.
struct KeyHashTests {
    static let vectors: [(key: [Scalar], types: [FieldType], hash: Int32, node: Int)] = [
        ([.long(1)], [.long], 32, 4),
        ([.long(2)], [.long], 33, 5),
        ([.long(3)], [.long], 34, 6),
        ([.long(-1)], [.long], 31, 7),
        ([.long(100)], [.long], 131, 7),
        ([.long(1), .string("alice")], [.long, .string], 92_904_032, 4),
        ([.string("alice")], [.string], 92_903_071, 7),
        ([.string("bob")], [.string], 97_748, 4),
        ([.null], [.string], 31, 7),
        ([.boolean(true)], [.boolean], 1262, 6),
        ([.date(19_724)], [.date], 19_755, 7),
        ([.decimal(1050, scale: 2)], [.decimal(precision: 10, scale: 2)], 32_583, 7),
        ([.decimal(105, scale: 1)], [.decimal(precision: 10, scale: 1)], 3287, 7),
        ([.decimal(-1050, scale: 2)], [.decimal(precision: 10, scale: 2)], 32_517, 5),
        (
            [.decimal(1_234_567_890_123_456_789_012_345, scale: 2)], [.decimal(precision: 38, scale: 2)], 292_950_238, 6
        ),
        ([.uuid(0x123e_4567_e89b_12d3_a456_4266_1417_4000)], [.uuid], 1_256_478_193, 5),
        ([.binary([0, 1, 0xff])], [.binary], 28_892, 4),
        ([.fixed([0, 1, 0xff])], [.fixed(3)], 28_892, 4),
        ([.double(1.5)], [.double], 1_073_217_567, 7),
        ([.float(1.5)], [.float], 1_069_547_551, 7),
        ([.timestamp(1_704_164_645_000_000)], [.timestamp], 1_068_769_588, 4),
        ([.timestamptz(1_704_164_645_000_000)], [.timestamptz], 1_068_769_588, 4),
    ]

    @Test(arguments: vectors.indices)
    func `matches the test vectors, alone and in columns`(_ index: Int) {
        let vector = Self.vectors[index]
        #expect(KeyHash.hash(of: vector.key) == vector.hash)
        let columns = zip(vector.types, vector.key).map { type, value in
            var builder = ColumnBuilder(type)
            for _ in 0..<3 { builder.append(value) }
            return builder.finish()
        }
        #expect(KeyHash.hashes(of: columns, count: 3) == [vector.hash, vector.hash, vector.hash])
        #expect(TreeNode(hash: vector.hash, buckets: 4).id == vector.node)
    }

    @Test
    func `hashes text over its UTF-16 code units`() {
        var generator = SeededGenerator(seed: SeededGenerator.seeds(1)[0])
        let pieces = ["a", "Zebra", "é", "漢字", "😀", "\u{10ffff}", "", "longer ascii text", "\u{ffff}", "x\u{0}y"]
        var builder = ColumnBuilder(.string)
        var expected: [Int32] = []
        for _ in 0..<Soak.rounds(500) {
            let text = (0..<Int.random(in: 0..<6, using: &generator)).map { _ in
                pieces.randomElement(using: &generator) ?? ""
            }.joined()
            builder.append(text)
            let element = text.utf16.reduce(Int32(0)) { $0 &* 31 &+ Int32($1) }
            expected.append(KeyHash.hash(of: [.string(text)]))
            #expect(expected.last == (31 &+ element == .min ? .max : abs(31 &+ element)))
        }
        #expect(KeyHash.hashes(of: [builder.finish()], count: 500) == expected)
    }

    @Test
    func `bytes that are not UTF-8 hash without a trap`() {
        for bytes: [UInt8] in [[0xff], [0xc3], [0xe2, 0x82], [0xf0, 0x9f, 0x98], [0xed, 0xa0, 0x80], [0x80, 0x61]] {
            var builder = ColumnBuilder(.string)
            bytes.withUnsafeBytes { builder.append($0) }
            #expect(KeyHash.hashes(of: [builder.finish()], count: 1).count == 1)
        }
    }

    @Test
    func `folds NaN bits and the least hash`() {
        let quiet = Float(bitPattern: 0x7fc0_0001)
        #expect(KeyHash.hash(of: [.float(quiet)]) == KeyHash.hash(of: [.float(.nan)]))
        #expect(KeyHash.hash(of: [.double(-.nan)]) == KeyHash.hash(of: [.double(.nan)]))
        // 31 + v is Int32.min, which has no absolute value.
        #expect(KeyHash.hash(of: [.int(Int32.min &- 31)]) == Int32.max)
    }
}

struct TreeNodeTests {
    @Test
    func `relates ids, masks and children as the format does`() throws {
        #expect(TreeNode.root.id == 1)
        let table: [(id: Int, mask: Int, index: Int, left: Int, right: Int)] = [
            (1, 0, 0, 2, 3), (2, 1, 0, 4, 6), (3, 1, 1, 5, 7), (4, 3, 0, 8, 12), (5, 3, 1, 9, 13),
        ]
        for row in table {
            let node = try #require(TreeNode(id: row.id))
            #expect(node == TreeNode(mask: row.mask, index: row.index))
            #expect(node.id == row.id)
            #expect(node.children.left.id == row.left)
            #expect(node.children.right.id == row.right)
            #expect(node.children.left.parent == node)
            #expect(node.children.right.parent == node)
        }
        #expect(TreeNode(id: 0) == nil)
        #expect(TreeNode(id: -4) == nil)
        #expect(TreeNode.root.parent == nil)
    }

    @Test
    func `an ancestor covers what its descendants cover`() {
        var generator = SeededGenerator(seed: SeededGenerator.seeds(1)[0])
        for _ in 0..<Soak.rounds(2000) {
            let hash = Int32.random(in: 0...Int32.max, using: &generator)
            let narrow = TreeNode(hash: hash, buckets: 1 << Int.random(in: 0...6, using: &generator))
            let wide = TreeNode(hash: hash, buckets: 1 << Int.random(in: 0...6, using: &generator))
            #expect(narrow.covers(hash: hash))
            #expect(narrow.overlaps(wide))
            #expect(narrow.isDescendantOrSelf(of: wide) == (narrow.mask >= wide.mask))
        }
        #expect(!TreeNode(mask: 3, index: 1).isDescendantOrSelf(of: TreeNode(mask: 1, index: 0)))
        #expect(!TreeNode(mask: 3, index: 1).overlaps(TreeNode(mask: 3, index: 3)))
    }
}

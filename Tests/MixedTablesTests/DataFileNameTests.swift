import Columnar
import Testing

@testable import MixedTables

@Suite struct DataFileNameTests {
    @Test func `reads the worked example of the format`() throws {
        let name = try #require(DataFileName(path: "/t/data/5-ED-101-00000-3-4217271085623029157-00002.parquet"))
        #expect(name.type == .equalityDelete)
        #expect(name.transactionId == 101)
        #expect(name.node == TreeNode(mask: 3, index: 1))
    }

    @Test(arguments: [
        "00000-0-9ecf.parquet", "5-XX-101-00000-3-1-00002.parquet", "0-I-1-00000-0-1-00001.parquet",
        "5-I-99999999999999999999-00000-0-1-00001.parquet", "-5-I-1-00000-0-1-00001.parquet", "5-I-1-0-0",
    ])
    func `a foreign name is not ours`(name: String) {
        #expect(DataFileName(path: "/t/data/" + name) == nil)
    }

    @Test func `a hidden file keeps its meaning`() {
        #expect(DataFileName(path: "a/.4-B-7-00000-0-1-00001.parquet")?.transactionId == 7)
    }

    @Test func `fallbacks follow the store`() {
        #expect(
            FileRole.change(path: "x/foreign.parquet", dataSequenceNumber: 9)
                == FileRole(type: .insert, node: .root, transactionId: 9)
        )
        #expect(FileRole.change(path: "x/4-ED-0-00000-0-1-00001.parquet", dataSequenceNumber: 9).transactionId == 9)
        #expect(FileRole.change(path: "x/4-ED-3-00000-0-1-00001.parquet", dataSequenceNumber: 9).transactionId == 3)
        #expect(FileRole.base(path: "x/4-I-3-00000-0-1-00001.parquet").type == .base)
        #expect(FileRole.base(path: "x/foreign.parquet").transactionId == 0)
    }
}

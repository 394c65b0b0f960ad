import Bytes
import IcebergFormat
import IcebergTables
import MixedTables
import Testing
import WeirTesting

@testable import Optimizing

/// Which change files go, as a table of cases.
@Suite struct ChangeExpiryTests {
    private static let hour: Int64 = 3_600_000

    private func task(_ name: String, sequence: Int64) -> FileScanTask {
        FileScanTask(
            file: DataFile(path: "/t/data/\(name)", recordCount: 1, fileSize: 10),
            dataSequenceNumber: sequence,
            fileSequenceNumber: sequence,
            snapshotId: 1
        )
    }

    /// Commit n is made at hour n; base has everything up to sequence 6; it is hour 10.
    private func due(_ files: [FileScanTask], ageHours: Int64 = 2, readFrom: Int64 = .max) -> ChangeExpiry {
        ChangeExpiry(
            files,
            ageMs: ageHours * Self.hour,
            nowMs: 10 * Self.hour,
            committed: { $0 == 99 ? nil : $0 * Self.hour },
            readFrom: readFrom,
            isMerged: { _, sequence in sequence <= 6 }
        )
    }

    @Test func `a file goes that is old enough and in base`() {
        let files = (1...9).map { task("1-I-0-00000-0-7-0000\($0).parquet", sequence: $0) }
        #expect(due(files).due.map(\.dataSequenceNumber) == [1, 2, 3, 4, 5, 6])
        #expect(due(files, ageHours: 6).due.map(\.dataSequenceNumber) == [1, 2, 3])
        #expect(due(files, ageHours: 100).due.isEmpty)
        #expect(due([task("1-I-0-00000-0-7-00001.parquet", sequence: 99)]).due.isEmpty, "a commit of unknown age")
    }

    @Test func `a file of a transaction that began before its commit waits until base has the commit`() {
        // Transaction 3, committed with sequence 8: base has the transaction and not the commit.
        #expect(due([task("1-ED-3-00000-0-7-00001.parquet", sequence: 8)], ageHours: 1).due.isEmpty)
        // Transaction 9 in the name of an older commit is taken for what it is.
        #expect(due([task("1-I-9-00000-0-7-00001.parquet", sequence: 2)]).due.isEmpty)
        #expect(due([task("1-I-3-00000-0-7-00001.parquet", sequence: 5)]).due.count == 1)
        // It tells others that the transaction has ended, which they wait for.
        #expect(due([task("1-I-3-00000-0-7-00001.parquet", sequence: 6)], ageHours: 1).due.count == 1)
        let young = ChangeExpiry(
            [task("1-I-3-00000-0-7-00001.parquet", sequence: 5)],
            ageMs: 1,
            nowMs: 6 * Self.hour,
            committed: { $0 * Self.hour },
            isMerged: { _, _ in true }
        )
        #expect(young.due.isEmpty)
    }

    @Test func `files that a consumer has not read stay, and files of others go`() {
        let files = (1...6).map { task("1-I-0-00000-0-7-0000\($0).parquet", sequence: $0) }
        let decision = due(files, readFrom: 4)
        #expect(decision.due.map(\.dataSequenceNumber) == [1, 2, 3, 4] && decision.needed == 2)
    }

    @Test func `commits remove three thousand files each`() {
        let files = (0..<7001).map { task("1-I-0-00000-0-7-\($0).parquet", sequence: 1 + Int64($0 % 6)) }
        let batches = due(files).batches
        #expect(batches.map(\.count) == [3000, 3000, 1001])
        #expect(Set(batches.joined().map(\.file.path)).count == 7001)
    }
}

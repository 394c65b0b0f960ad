import Bytes
import ChangeEvents
import MixedTables
import Testing
import WeirTesting

/// Units of source columns, as stored by a table.
@Suite struct SourceUnitsTests {
    private static func units(_ unit: TimeUnit, _ column: String = "timestamp-unit.shop.orders.at") -> SourceUnits {
        SourceUnits(["t": [column: unit]])
    }

    @Test func `of two writers that saw the same table, the first one's unit stays, unless it is told`() throws {
        try withTemporaryFolder { folder in
            let table = try MixedTableModelTests.create(.longKey, in: folder)
            let first = try table.keeping(Self.units(.milliseconds), overriding: false, topology: "a")
            let second = try table.keeping(Self.units(.microseconds), overriding: false, topology: "a")
            #expect(try first.sourceUnits(topology: "a") == Self.units(.milliseconds))
            #expect(try second.sourceUnits(topology: "a") == Self.units(.milliseconds))
            let other = try table.keeping(Self.units(.nanoseconds, "other"), overriding: true, topology: "a")
            #expect(try other.sourceUnits(topology: "a").units["t"]?.count == 2)
            let told = try table.keeping(Self.units(.microseconds), overriding: true, topology: "a")
            #expect(try told.sourceUnits(topology: "a")["t", "timestamp-unit.shop.orders.at"] == .microseconds)
            // Another topology has other sources.
            #expect(try told.sourceUnits(topology: "b").isEmpty)
        }
    }

    @Test func `a writer that keeps a unit does not keep others from committing`() throws {
        try withTemporaryFolder { folder in
            let table = try MixedTableModelTests.create(.longKey, in: folder)
            let epoch = try KeyedTableWriter(table).cut()
            _ = try table.keeping(Self.units(.milliseconds), overriding: false, topology: "a")
            let ledger = PositionLedger(["t": [0: 10]])
            let committed = try table.commit(epoch, topology: "a", from: PositionLedger(), to: ledger)
            #expect(try committed.ledger(topology: "a") == ledger)
            #expect(try committed.sourceUnits(topology: "a") == Self.units(.milliseconds))
        }
    }

    @Test func `what is no list of units is refused`() {
        for text in ["", "[]", "{\"t\":{\"at\":\"seconds\"}}", "{\"t\":3}"] {
            let error = #expect(throws: WeirError.self) { try SourceUnits(json: text) }
            #expect(error?.code == .corrupt)
        }
        #expect((try? SourceUnits(json: Self.units(.nanoseconds).json)) == Self.units(.nanoseconds))
    }
}

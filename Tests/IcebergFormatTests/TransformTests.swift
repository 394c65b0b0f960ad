import Bytes
import Columnar
import Testing
import WeirTesting

@testable import IcebergFormat

@Suite struct TransformTests {
    /// Spec appendix B.
    @Test func `bucket hashes are those of the specification`() {
        #expect(Transform.bucketHash(.int(34)) == 2_017_239_379)
        #expect(Transform.bucketHash(.long(34)) == 2_017_239_379)
        #expect(Transform.bucketHash(.decimal(1420, scale: 2)) == -500_754_589)
        #expect(Transform.bucketHash(.date(17486)) == -653_330_422)
        #expect(Transform.bucketHash(.time(81_068_000_000)) == -662_762_989)
        #expect(Transform.bucketHash(.timestamp(1_510_871_468_000_000)) == -2_047_944_441)
        #expect(Transform.bucketHash(.timestamptz(1_510_871_468_000_001)) == -1_207_196_810)
        #expect(Transform.bucketHash(.string("iceberg")) == 1_210_000_089)
        #expect(Transform.bucketHash(.uuid(0xf79c_3e09_677c_4bbd_a479_3f34_9cb7_85e7)) == 1_488_055_340)
        #expect(Transform.bucketHash(.fixed([0, 1, 2, 3])) == -188_683_207)
        #expect(Transform.bucketHash(.binary([0, 1, 2, 3])) == -188_683_207)
    }

    @Test func `times before 1970 round down`() throws {
        // 1969-12-31 23:00
        let before = Scalar.timestamp(-3_600_000_000)
        #expect(try Transform.year.apply(before) == .int(-1))
        #expect(try Transform.month.apply(before) == .int(-1))
        #expect(try Transform.day.apply(before) == .date(-1))
        #expect(try Transform.hour.apply(before) == .int(-1))
        #expect(try Transform.hour.apply(.timestamp(-1)) == .int(-1))
        // 2017-11-16T22:31:08
        let spec = Scalar.timestamptz(1_510_871_468_000_000)
        #expect(try Transform.year.apply(spec) == .int(47))
        #expect(try Transform.month.apply(spec) == .int(574))
        #expect(try Transform.day.apply(spec) == .date(17486))
        #expect(try Transform.hour.apply(spec) == .int(419_686))
    }

    @Test func `truncation follows the specification's examples`() throws {
        #expect(try Transform.truncate(10).apply(.int(1)) == .int(0))
        #expect(try Transform.truncate(10).apply(.int(-1)) == .int(-10))
        #expect(try Transform.truncate(10).apply(.long(-1)) == .long(-10))
        #expect(try Transform.truncate(50).apply(.decimal(1065, scale: 2)) == .decimal(1050, scale: 2))
        #expect(try Transform.truncate(3).apply(.string("iceberg")) == .string("ice"))
        #expect(try Transform.truncate(2).apply(.string("🦆🦆🦆")) == .string("🦆🦆"))
        #expect(try Transform.truncate(3).apply(.binary([1, 2, 3, 4, 5])) == .binary([1, 2, 3]))
        #expect(try Transform.truncate(10).apply(.int(.min)) == .int(2_147_483_646))
    }

    @Test(arguments: SeededGenerator.seeds(8))
    func `columns and single values are transformed alike`(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let types: [FieldType] = [
            .int, .long, .date, .time, .timestamp, .timestamptz, .string, .binary, .uuid, .fixed(5),
            .decimal(precision: 20, scale: 3), .boolean, .double,
        ]
        let transforms: [Transform] = [
            .identity, .bucket(16), .bucket(7), .truncate(3), .year, .month, .day, .hour, .void,
        ]
        for type in types {
            var builder = ColumnBuilder(type)
            var values: [Scalar] = []
            for _ in 0..<60 {
                let value = Int.random(in: 0..<5, using: &random) == 0 ? .null : Scalar.random(type, &random)
                values.append(value)
                builder.append(value)
            }
            let column = builder.finish()
            for transform in transforms {
                guard let result = transform.resultType(for: type) else {
                    #expect(throws: WeirError.self) { try transform.apply(column) }
                    continue
                }
                let transformed = try transform.apply(column)
                #expect(transformed.type == result)
                for (row, value) in values.enumerated() {
                    #expect(try transformed.scalar(row) == transform.apply(value), "\(transform) \(type) seed \(seed)")
                }
            }
        }
    }

    @Test func `partition paths are Java's`() {
        func path(_ transform: Transform, _ value: Scalar, name: String = "p") -> String {
            PartitionSpec(fields: [PartitionField(sourceId: 1, id: 1000, name: name, transform: transform)])
                .path(for: [value])
        }
        #expect(path(.day, .date(19724)) == "p=2024-01-02")
        #expect(path(.month, .int(648)) == "p=2024-01")
        #expect(path(.month, .int(-1)) == "p=1969-12")
        #expect(path(.year, .int(54)) == "p=2024")
        #expect(path(.hour, .int(473_386)) == "p=2024-01-02-10")
        #expect(path(.hour, .int(-1)) == "p=1969-12-31-23")
        #expect(path(.bucket(4), .int(3)) == "p=3")
        #expect(path(.identity, .string("a b/c=ü"), name: "x y") == "x+y=a+b%2Fc%3D%C3%BC")
        #expect(path(.identity, .null) == "p=null")
        #expect(path(.identity, .binary([1, 2, 3, 4])) == "p=AQIDBA%3D%3D")
        #expect(path(.identity, .decimal(-105, scale: 2)) == "p=-1.05")
        #expect(path(.identity, .decimal(5, scale: 8)) == "p=5E-8")
        #expect(path(.identity, .double(1e10)) == "p=1.0E10")
        #expect(path(.identity, .float(0.5)) == "p=0.5")
        #expect(path(.identity, .time(36_615_000_000)) == "p=10%3A10%3A15")
        #expect(path(.identity, .timestamptz(1_512_151_975_038_194)) == "p=2017-12-01T18%3A12%3A55.038194Z")
        #expect(
            path(.identity, .uuid(0xf79c_3e09_677c_4bbd_a479_3f34_9cb7_85e7))
                == "p=f79c3e09-677c-4bbd-a479-3f349cb785e7"
        )
        #expect(PartitionSpec.unpartitioned.path(for: []) == "")
    }

    @Test func `topology forms become partition fields`() throws {
        let schema = Schema([
            Field(id: 1, name: "id", type: .long), Field(id: 2, name: "created_at", type: .timestamptz),
            Field(id: 3, name: "country", type: .string),
        ])
        let spec = try PartitionSpec(
            parsing: ["day(created_at)", "bucket(16, id)", "country", "truncate(country, 2)"],
            schema: schema
        )
        #expect(spec.fields.map(\.name) == ["created_at_day", "id_bucket", "country", "country_trunc"])
        #expect(spec.fields.map(\.transform) == [.day, .bucket(16), .identity, .truncate(2)])
        #expect(spec.fields.map(\.id) == [1000, 1001, 1002, 1003])
        let misspelt = #expect(throws: WeirError.self) {
            try PartitionSpec(parsing: ["day(create_at)"], schema: schema)
        }
        #expect(misspelt?.advice == "did you mean 'created_at'?")
        for wrong in ["day(id)", "bucket(id)", "bucket(0, id)", "week(created_at)", "day(created_at", "day()", ""] {
            #expect(throws: WeirError.self, "\(wrong)") { try PartitionSpec(parsing: [wrong], schema: schema) }
        }
        #expect(Transform("bucket[16]") == .bucket(16))
        #expect(Transform("bucket[0]") == .other("bucket[0]"))
        #expect(Transform("zorder") == .other("zorder"))
    }
}

import Bytes
import Columnar
import Testing
import WeirTesting

@testable import IcebergFormat

/// Parsing of partition paths into values.
@Suite struct PartitionPathTests {
    private static func spec(_ transform: Transform, _ type: FieldType) -> (PartitionSpec, Schema) {
        let schema = Schema([Field(id: 1, name: "c", type: type)])
        let field = PartitionField(sourceId: 1, id: 1000, name: "p ü", transform: transform)
        return (PartitionSpec(fields: [field]), schema)
    }

    @Test(arguments: SeededGenerator.seeds(4))
    func `what a path is made of is read back`(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let spec = ManifestTests.spec()
        let schema = ManifestTests.schema
        let type = spec.partitionType(schema)
        for _ in 0..<200 {
            let file = DataFile.random(type, specId: spec.id, content: .data, &random)
            let path = spec.path(for: file.partition)
            let back = try #require(spec.values(ofPath: path, schema), "\(path)")
            // Different values may share a path, as -0.0 and 0.0 do not but null and its word do.
            #expect(spec.path(for: back) == path, "seed \(seed): \(file.partition) \(back)")
        }
    }

    private static let spellings: [(Transform, FieldType, String, Scalar)] = [
        (.identity, .timestamptz, "2024-05-06T07:08:07.181300+00:00", .timestamptz(1_714_979_287_181_300)),
        (.identity, .timestamptz, "2024-05-06T07:08:07.1813Z", .timestamptz(1_714_979_287_181_300)),
        (.identity, .timestamptz, "2024-05-06T07:08:07.181300Z", .timestamptz(1_714_979_287_181_300)),
        (.identity, .timestamptz, "2024-05-06T09:08:07.181300000+02:00", .timestamptz(1_714_979_287_181_300)),
        (.identity, .timestamp, "2024-05-06T07:08", .timestamp(1_714_979_280_000_000)),
        (.identity, .timestamp, "1969-12-31T23:59:59.999999", .timestamp(-1)),
        (.identity, .decimal(precision: 12, scale: 2), "10.50", .decimal(1050, scale: 2)),
        (.identity, .decimal(precision: 9, scale: 8), "1E-8", .decimal(1, scale: 8)),
        (.identity, .double, "1.0E10", .double(1e10)), (.identity, .float, "-Infinity", .float(-.infinity)),
        (.identity, .string, "null", .null), (.identity, .string, "__HIVE_DEFAULT_PARTITION__", .null),
        (.identity, .string, "a/b=c d+e%", .string("a/b=c d+e%")), (.identity, .string, "", .string("")),
        (.identity, .binary, "AQI=", .binary([1, 2])), (.identity, .boolean, "true", .boolean(true)),
        (.bucket(16), .string, "7", .int(7)), (.truncate(10), .long, "-20", .long(-20)),
        (.year, .date, "2024", .int(54)), (.year, .date, "1969", .int(-1)), (.month, .date, "1969-12", .int(-1)),
        (.month, .timestamp, "2024-01", .int(648)), (.day, .timestamp, "1970-01-02", .date(1)),
        (.hour, .timestamp, "1969-12-31-23", .int(-1)), (.hour, .timestamptz, "2024-05-06-07", .int(476_383)),
    ]

    @Test(arguments: spellings)
    func `spellings of other writers are understood`(
        transform: Transform,
        type: FieldType,
        text: String,
        value: Scalar
    ) throws {
        let (spec, schema) = Self.spec(transform, type)
        let path = PartitionSpec.escape("p ü") + "=" + PartitionSpec.escape(text)
        let found = try #require(spec.values(ofPath: path, schema), "\(path)")
        #expect(found == [value])
    }

    @Test(arguments: ["", "q=1", "p+%C3%BC=x", "p+%C3%BC=1/q=2", "p+%C3%BC", "p+%C3%BC=%4", "p+%C3%BC=99999999999"])
    func `other paths are no values`(path: String) {
        let (spec, schema) = Self.spec(.bucket(4), .long)
        #expect(spec.values(ofPath: path, schema) == nil)
        #expect(PartitionSpec.unpartitioned.values(ofPath: "", schema) == [])
    }
}

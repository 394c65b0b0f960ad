import Foundation
import Testing
import WeirTesting

/// Unsupported features in other engines' tables are refused by name, not as damage; the rest is read.
@Suite(
    .serialized,
    .mostlyWaits,
    .timeLimit(.minutes(30)),
    .enabled(if: Peers.shouldRun, "scripts/install-test-peers has not run")
) struct ForeignFeatureTests {
    /// A feature and the words of its refusal.
    private static let refused: [(feature: String, words: [String])] = [
        ("orc", ["is of format ORC, and Weir reads Parquet only", "orc.data", "write.format.default=parquet"]),
        ("avro", ["is of format Avro, and Weir reads Parquet only", "avro.data", "rewrite_data_files"]),
        ("mislabelled_orc", ["the file is an ORC file", "mislabelled_orc.data", "metadata calls it a Parquet file"]),
        ("mislabelled_avro", ["the file is an Avro file", "mislabelled_avro.data"]),
        ("encrypted_footer", ["the file is an encrypted Parquet file", "encrypted_footer.data"]),
        ("encrypted_file", ["a data file of the table is encrypted", "encrypted_file.data"]),
        ("encrypted_table", ["the table is encrypted", "the key 'k1'"]),
        ("variant", ["column 'v' is of type variant, which is not read", "--columns"]),
        ("geometry", ["column 'g' is of type geometry(OGC:CRS84), which is not read"]),
        ("timestamp_ns", ["column 't' is of type timestamp_ns, which is not read"]),
        ("version_4", ["of format version 4, and versions 1 to 3 are read"]),
        ("seen", ["'db.seen' is a view, and Weir reads tables only"]),
    ]

    private static func rows(_ output: String) -> Set<String> { Set(output.split(separator: "\n").map(String.init)) }

    @Test func `each is named with its file and what to do`() throws {
        try withTemporaryFolder { folder in
            let warehouse = folder + "/warehouse"
            try FileManager.default.createDirectory(atPath: warehouse, withIntermediateDirectories: true)
            _ = try Peers.run("pyiceberg_features.py", [warehouse + "/catalog.db", warehouse])
            let weir = WeirBinary(folder: folder)
            for (feature, words) in Self.refused {
                for command in [["scan", "db.\(feature)"], ["read", "db.\(feature)", "--from", "earliest"]] {
                    let run = try weir.run(command)
                    #expect(run.status == 1 && run.output.isEmpty, "\(command): \(run.output)")
                    for word in words { #expect(run.errors.contains(word), "\(command): \(run.errors)") }
                    #expect(!run.errors.contains("damaged"), "\(command): \(run.errors)")
                }
            }

            let plain = ["{\"id\":1,\"name\":\"a\"}", "{\"id\":2,\"name\":\"b\"}"]
            for feature in ["unknown_transform", "several_columns", "row_lineage", "statistics"] {
                let scan = try weir("scan", "db.\(feature)", "-o", "json")
                #expect(Self.rows(scan.output) == Set(plain), "\(feature): \(scan.errors)")
                // The transform is unknown, so it excludes no file.
                for id in 1...2 {
                    let one = try weir("scan", "db.\(feature)", "--where", "id = \(id)", "-o", "json")
                    #expect(one.output == plain[id - 1] + "\n", "\(feature): \(one.errors)")
                }
                #expect(try weir("table", "describe", "db.\(feature)").status == 0)
            }
            let others = try weir("scan", "db.variant", "--columns", "id,name", "-o", "json")
            #expect(Self.rows(others.output) == Set(plain), "\(others.errors)")
            let defaults = try weir("scan", "db.default_value", "-o", "csv")
            #expect(Self.rows(defaults.output) == ["id,name,d", "1,a,x", "2,b,x"], "\(defaults.errors)")

            // A change of properties keeps unknown members.
            for feature in ["several_columns", "unknown_transform", "encrypted_table", "variant", "default_value"] {
                let alter = try weir("table", "alter", "db.\(feature)", "--set", "comment=x")
                #expect(alter.status == 0, "\(feature): \(alter.errors)")
            }
            let metadata = try weir("table", "describe", "db.several_columns", "-o", "json").output
            let path = try #require(metadata.firstMatch(of: /"metadata":"(?:file:\/\/)?([^"]*)"/)?.1)
            let text = try String(contentsOfFile: String(path), encoding: .utf8)
            #expect(text.contains("\"source-ids\":[1,2]") && text.contains("\"transform\":\"bucket[4]\""), "\(text)")
        }
    }
}

import Bytes
import IcebergFormat

extension DataFile {
    /// Fails for a data or delete file whose rows Weir does not read, by the name of what it lacks: whoever opens a file of
    /// a table asks this first.
    func requireReadable() throws(WeirError) {
        let what = content == .data ? "data file" : "delete file"
        if keyMetadata?.isEmpty == false {
            throw WeirError(
                .unsupported,
                "a \(what) of the table is encrypted, and Weir does not read encrypted tables",
                at: path,
                advice: "have the engine that wrote the table copy it into one without encryption"
            )
        }
        guard format != .parquet else { return }
        throw WeirError(
            .unsupported,
            "a \(what) of the table is of format \(format.title), and Weir reads Parquet only",
            at: path,
            advice:
                "have the engine that wrote the table set write.format.default=parquet and rewrite its files, such as "
                + "Spark: CALL CATALOG.system.rewrite_data_files(table => 'DB.TABLE', options => map('rewrite-all', 'true'))"
        )
    }
}

extension DataFile.Format {
    fileprivate var title: String {
        switch self {
        case .parquet: "Parquet"
        case .orc: "ORC"
        case .avro: "Avro"
        case .puffin: "Puffin"
        }
    }
}

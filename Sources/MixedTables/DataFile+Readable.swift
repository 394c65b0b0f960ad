import Bytes
import IcebergFormat

extension DataFile {
    /// Fails with `unsupported` for a data or delete file that Weir cannot read: encrypted, or not Parquet. Must be
    /// called before a file of a table is opened.
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
        guard format != .parquet, !isDeletionVector else { return }
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

import Bytes
import Foundation
import IcebergTables

/// Where a catalog is: in a SQLite file or in a PostgreSQL database.
enum CatalogPlace: Sendable, Equatable, CustomStringConvertible {
    case file(String)
    case postgres(PostgresAddress)

    static let forms = "sqlite:PATH or postgresql://USER@HOST:PORT/DATABASE"

    /// - Parameter text: the value of `--catalog`. Errors do not show it, since it may contain a password.
    init(_ text: String) throws(WeirError) {
        if PostgresAddress.matches(text) {
            self = .postgres(try PostgresAddress(text))
            return
        }
        let prefix = "sqlite:"
        guard text.hasPrefix(prefix), text.count > prefix.count else {
            let scheme = text.prefixMatch(of: /([A-Za-z][A-Za-z0-9+.-]*):/)?.output.1
            let what = scheme.map { "catalogs of the form '\($0):…' are" } ?? "this form of a catalog is"
            throw WeirError(.unsupported, "\(what) not supported", advice: "use \(Self.forms)")
        }
        let path = text.dropFirst(prefix.count)
        // Both `sqlite:/a` and the URI form `sqlite:////a` or `sqlite:///a` are in use.
        self = .file(path.hasPrefix("///") ? String(path.dropFirst(path.hasPrefix("////") ? 3 : 2)) : String(path))
    }

    /// The path or the address, without a password.
    var description: String {
        switch self {
        case .file(let path): path
        case .postgres(let address): address.description
        }
    }

    /// The value of `--catalog` that names it, without a password.
    var option: String {
        switch self {
        case .file(let path): "sqlite:" + path
        case .postgres(let address): address.withoutPasswords
        }
    }

    /// Whether there is a catalog. Fails if the server cannot tell.
    func exists() throws(WeirError) -> Bool {
        switch self {
        case .file(let path): FileManager.default.fileExists(atPath: path)
        case .postgres(let address): try PostgresCatalog.exists(address, patience: Self.patience)
        }
    }

    /// Opens the catalog, and creates it if it does not exist.
    ///
    /// - Parameter patience: how to wait for a catalog that others keep busy. Default: one minute, with a note on
    ///   standard error.
    func opened(name: String, warehouse: String, patience: CatalogPatience?) throws(WeirError) -> any Catalog {
        let patience = patience ?? Self.patience
        switch self {
        case .file(let path):
            return try SQLiteCatalog(path: path, name: name, warehouse: warehouse, patience: patience)
        case .postgres(let address):
            return try PostgresCatalog(address, name: name, warehouse: warehouse, patience: patience)
        }
    }

    /// Opens a catalog that is there. Fails with `notFound` if there is none, and creates nothing.
    func openedIfThere(name: String, warehouse: String) throws(WeirError) -> any Catalog {
        switch self {
        case .file(let path):
            guard FileManager.default.fileExists(atPath: path) else {
                throw WeirError(
                    .notFound,
                    "there is no warehouse here: \(URL(fileURLWithPath: path).path) does not exist",
                    advice:
                        "name one with --warehouse DIR or WEIR_WAREHOUSE; 'weir demo' and 'weir table create' make one"
                )
            }
            return try opened(name: name, warehouse: warehouse, patience: nil)
        case .postgres(let address):
            return try PostgresCatalog(
                address,
                name: name,
                warehouse: warehouse,
                patience: Self.patience,
                createsTables: false
            )
        }
    }

    private static var patience: CatalogPatience { CatalogPatience { Terminal.note("warning: \($0)") } }
}

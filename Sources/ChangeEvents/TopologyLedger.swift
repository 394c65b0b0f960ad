import Bytes
import Foundation

/// What commits store of a topology in a property of the table, as JSON.
public protocol TopologyLedger: Sendable, Equatable {
    /// The property that holds a topology's ledger.
    static func propertyName(topology: String) -> String
    init()
    /// Throws `corrupt` if the text is not the JSON form of the ledger.
    init(json: String) throws(WeirError)
    var json: String { get }
}

/// JSON with sorted keys, so that equal ledgers have equal texts.
public enum LedgerJSON {
    public static func text(_ value: some Encodable) -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        // Strings, integers and booleans can always be encoded as JSON.
        let data = try? encoder.encode(value)
        return String(decoding: data ?? Data("{}".utf8), as: UTF8.self)
    }

    /// - Parameter form: what the text should have been, for the error message.
    public static func value<Value: Decodable>(_ text: String, _ form: String) throws(WeirError) -> Value {
        guard let value = try? JSONDecoder().decode(Value.self, from: Data(text.utf8)) else {
            throw WeirError(.corrupt, form)
        }
        return value
    }
}

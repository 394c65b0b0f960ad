import ArgumentParser
import Bytes
import IcebergFormat

/// `KEY=VALUE` arguments.
enum KeyValue {
    static func split(_ text: String, option: String) throws -> (key: String, value: String) {
        guard let equals = text.firstIndex(of: "="), equals != text.startIndex else {
            throw ValidationError("\(option) '\(text)' is not of the form KEY=VALUE")
        }
        return (String(text[..<equals]), String(text[text.index(after: equals)...]))
    }
}

/// Checks table properties given on the command line.
enum PropertyWords {
    /// Throws if the name or value of a property is wrong, and warns if the property has no effect.
    static func check(_ key: String, _ value: String) throws(WeirError) {
        guard let finding = TableProperties.finding(name: key, value: value) else { return }
        switch finding.severity {
        case .error: throw WeirError(.invalid, finding.message, advice: finding.advice)
        case .warning: Terminal.note("warning: \(finding.message)" + (finding.advice.map { "; \($0)" } ?? ""))
        case .note: Terminal.note(finding.message)
        }
    }
}

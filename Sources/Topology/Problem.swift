extension Topology {
    /// An error, warning or note about a topology file.
    public struct Problem: Hashable, Sendable, CustomStringConvertible {
        public enum Severity: String, Hashable, Sendable {
            /// The topology cannot run.
            case error
            /// The topology can run, but probably not as intended.
            case warning
            /// The topology runs as written, with an effect that is easy to overlook.
            case note
        }

        public let severity: Severity
        /// Line of the file from 1; 0 for a value given on the command line.
        public let line: Int
        /// Column of the line from 1, if known.
        public let column: Int?
        public let message: String
        public let advice: String?

        public init(_ severity: Severity, at position: Position, _ message: String, advice: String? = nil) {
            self.severity = severity
            line = position.line
            column = position.column
            self.message = message
            self.advice = advice
        }

        /// `12:5: error: unknown key 'tabels'; did you mean 'tables'?`
        public var description: String {
            let location = line == 0 ? "--set" : "\(line)" + (column.map { ":\($0)" } ?? "")
            return "\(location): \(severity.rawValue): \(message)" + (advice.map { "; \($0)" } ?? "")
        }
    }
}

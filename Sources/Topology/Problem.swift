extension Topology {
    /// Something in a topology file that is wrong or questionable.
    public struct Problem: Hashable, Sendable, CustomStringConvertible {
        public enum Severity: String, Hashable, Sendable {
            /// The topology cannot run.
            case error
            /// It can, but hardly as meant.
            case warning
            /// It does as the file says, and that is easily overlooked.
            case note
        }

        public let severity: Severity
        /// Line of the file from 1; 0 for a value given on the command line.
        public let line: Int
        /// Column of the line from 1, where known.
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
            let place = line == 0 ? "--set" : "\(line)" + (column.map { ":\($0)" } ?? "")
            return "\(place): \(severity.rawValue): \(message)" + (advice.map { "; \($0)" } ?? "")
        }
    }
}

import Bytes
import ChangeEvents
import EventDecoders
import EventLog
import Foundation

/// The error of a run that cannot determine the unit of a column.
extension UnitDoubt {
    /// - Parameter raw: the batch that the value is in.
    func error(in raw: RawBatch) -> WeirError {
        let name = "column \(column.name) of \(column.source.identifier)"
        let message: String
        var advice = "say it in the source, with \(column.option): milliseconds, microseconds or nanoseconds"
        switch reason {
        case .unclear:
            message = "what the integers of \(name) count cannot be told from its values, such as \(value)"
        case .mixed(let unit, let earlier, let other):
            message =
                "what the integers of \(name) count cannot be told from its values: \(shown(earlier, unit)) looks like "
                + "\(unit), \(shown(value, other)) like \(other)"
        case .contradicted(let unit, let other):
            message =
                "\(name) is read as \(unit), as its values before told, but \(shown(value, other)) looks like \(other)"
            advice =
                "say in the source which it is: with \(column.option): \(unit) the value is taken as it is; with "
                + "\(other), rows taken in before stay as they were read"
        }
        return WeirError(
            .invalid,
            message,
            at: "topic \(raw.topic), partition \(raw.partition), offset \(offset)",
            advice: advice
        )
    }

    private func shown(_ value: Int64, _ unit: TimeUnit) -> String {
        column.isTimeOfDay ? "\(value)" : "\(value) (\(Self.time(value, unit)))"
    }

    /// A timestamp as a person reads it.
    static func time(_ value: Int64, _ unit: TimeUnit) -> String {
        let seconds =
            switch unit {
            case .milliseconds: Double(value) / 1e3
            case .microseconds: Double(value) / 1e6
            case .nanoseconds: Double(value) / 1e9
            }
        return Date(timeIntervalSince1970: seconds).formatted(.iso8601)
    }
}

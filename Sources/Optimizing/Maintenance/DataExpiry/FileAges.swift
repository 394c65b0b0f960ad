import Columnar
import Foundation
import IcebergFormat
import Values

/// The time of the youngest row that a file may have, from its statistics or its partition.
///
/// Never too early: a day stands for its last moment, and what cannot be told has no time.
struct FileAges {
    let settings: DataExpirySettings
    let zone: TimeZone
    /// By id.
    let specs: [Int: PartitionSpec]

    /// Milliseconds since 1970; nil if it cannot be told.
    func youngest(in file: DataFile) -> Int64? { byStatistics(file) ?? byPartition(file) }

    private func byStatistics(_ file: DataFile) -> Int64? {
        let id = settings.field.id
        // A row without a time has no age, and must not go with others.
        guard settings.field.isRequired || file.nullValueCounts[id] == 0, let bytes = file.upperBounds[id],
            let bound = try? SingleValue.decode(bytes, settings.field.type)
        else { return nil }
        return end(of: bound)
    }

    private func end(of value: Scalar) -> Int64? {
        switch value {
        case .timestamp(let microseconds), .timestamptz(let microseconds): microseconds.floorDivided(by: 1000)
        case .date(let days): Self.end(ofDay: Int64(days))
        case .long(let number) where settings.numberUnitMs == 1: number
        case .long(let number): Self.end(ofSecond: number)
        case .string(let text): settings.pattern.end(of: text, in: zone)
        default: nil
        }
    }

    private func byPartition(_ file: DataFile) -> Int64? {
        guard let spec = specs[file.specId] else { return nil }
        for (field, value) in zip(spec.fields, file.partition) where field.sourceId == settings.field.id {
            switch (field.transform, value) {
            case (.identity, _): if let end = end(of: value) { return end }
            case (.hour, .int(let hours)) where hours >= 0: return (Int64(hours) + 1) * 3_600_000 - 1
            case (.day, .int(let days)) where days >= 0, (.day, .date(let days)) where days >= 0:
                return Self.end(ofDay: Int64(days))
            case (.month, .int(let months)) where months >= 0: return Self.end(ofMonth: Int(months))
            case (.year, .int(let years)) where years >= 0: return Self.end(ofMonth: Int(years) * 12 + 11)
            default: continue
            }
        }
        return nil
    }

    private static func end(ofSecond second: Int64) -> Int64 {
        let (milliseconds, overflow) = second.multipliedReportingOverflow(by: 1000)
        return overflow ? (second < 0 ? .min : .max) : milliseconds.addingClamped(999)
    }

    private static func end(ofDay day: Int64) -> Int64 { (day + 1) * 86_400_000 - 1 }

    private static func end(ofMonth month: Int) -> Int64? {
        let next = month + 1
        guard let first = CivilDate(year: 1970 + next / 12, month: next % 12 + 1, day: 1) else { return nil }
        return Int64(first.daysSinceEpoch) * 86_400_000 - 1
    }
}

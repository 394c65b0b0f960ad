import Bytes
import ChangeEvents
import Columnar
import EventDecoders
import EventLog
import Foundation

/// One record or change that could not be taken in, with the data needed to find and repeat it.
public struct DeadLetter: Sendable, Codable, Equatable {
    /// When it was written, ISO 8601 in UTC.
    public var time: String?
    public var topic: String
    public var partition: Int
    public var offset: Int64
    /// The table it was meant for; nil when the record does not name its source table.
    public var table: String?
    public var reason: String
    /// The record's key and value where they are text.
    public var key: String?
    public var value: String?
    /// The same as base64 where they are not UTF-8.
    public var keyBase64: String?
    public var valueBase64: String?
    /// How many bytes the record's value has, when only its beginning is kept here.
    public var valueBytes: Int?
    /// The change, if the record was decoded and a table or expression rejected it: its kind (`+U`) and its row as
    /// JSON.
    public var op: String?
    public var row: String?
    /// How many bytes `row` has, when only its beginning is kept here.
    public var rowBytes: Int?

    /// Bytes of a row that are kept.
    private static let rowMax = 64 << 10

    init(topic: String, partition: Int, offset: Int64, table: String?, reason: String) {
        self.topic = topic
        self.partition = partition
        self.offset = offset
        self.table = table
        self.reason = reason
    }

    /// Approximate memory use in bytes.
    var byteCount: Int {
        [reason, key, value, keyBase64, valueBase64, row].reduce(256) { $0 + ($1?.utf8.count ?? 0) }
    }

    /// The letters of a record that did not decode: one for each table that does not get it, or one without a table.
    static func letters(_ record: RejectedRecord, name: (Int) -> String) -> [DeadLetter] {
        let letter = DeadLetter(record, table: nil)
        guard !record.tables.isEmpty else { return [letter] }
        return record.tables.map { table in
            var letter = letter
            letter.table = name(table)
            return letter
        }
    }

    private init(_ record: RejectedRecord, table: String?) {
        self.init(
            topic: record.topic,
            partition: record.partition,
            offset: record.offset,
            table: table,
            reason: record.reason
        )
        (key, keyBase64) = Self.text(record.key, isCut: record.keyCount > record.key?.count ?? 0)
        let isCut = record.valueCount > record.value?.count ?? 0
        (value, valueBase64) = Self.text(record.value, isCut: isCut)
        if isCut { valueBytes = record.valueCount }
    }

    /// A record that decoded, but for which an expression has no value.
    ///
    /// - Parameter limit: bytes of its key and of its value that are kept.
    init(_ failure: RowTransform.Failure, raw: RawBatch, table: String, limit: Int) {
        // Offsets ascend. Binary search, since every record may fail.
        let records = raw.records
        var (low, high) = (0, records.count)
        while low < high {
            let middle = (low + high) / 2
            if records[middle].offset < failure.offset { low = middle + 1 } else { high = middle }
        }
        guard low < records.count, records[low].offset == failure.offset else {
            self.init(
                topic: raw.topic,
                partition: raw.partition,
                offset: failure.offset,
                table: table,
                reason: failure.reason
            )
            return
        }
        self.init(
            RejectedRecord(records[low], of: raw, reason: failure.reason, tables: [], limit: limit),
            table: table
        )
    }

    /// Adds the rejected change: row `refused`, or by default the last row with the letter's offset, which is the new
    /// row of an update.
    func with(_ batch: ChangeBatch, row refused: Int? = nil) -> DeadLetter {
        // Offsets never descend. Binary search for the last row with this offset.
        var (low, high) = (0, batch.count)
        while low < high {
            let middle = (low + high) / 2
            if batch.offset(middle) <= offset { low = middle + 1 } else { high = middle }
        }
        let row = refused ?? low - 1
        guard row >= 0, batch.offset(row) == offset else { return self }
        var text = GrowableBuffer()
        JSONRowEncoder(batch.rows.schema).append(batch.rows, row: row, to: &text)
        var letter = self
        letter.op = batch.kind(row).symbol
        let isCut = text.count > Self.rowMax
        let bytes = UnsafeRawBufferPointer(start: text.base, count: min(text.count, Self.rowMax))
        letter.row = isCut ? Self.text([UInt8](bytes), isCut: true).text : String(decoding: bytes, as: UTF8.self)
        if isCut { letter.rowBytes = text.count }
        return letter
    }

    /// The bytes as text if they are UTF-8, else as base64. An incomplete character at the end of a cut text is
    /// dropped.
    private static func text(_ bytes: [UInt8]?, isCut: Bool) -> (text: String?, base64: String?) {
        guard let bytes else { return (nil, nil) }
        for dropped in 0...(isCut ? 3 : 0) {
            if let text = String(validating: bytes.dropLast(dropped), as: UTF8.self) { return (text, nil) }
        }
        return (nil, Data(bytes).base64EncodedString())
    }
}

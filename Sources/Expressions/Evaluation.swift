import Bytes
import Columnar

/// A row for which an expression failed, with the reason.
public struct RowFailure: Hashable, Sendable {
    public let row: Int
    /// Contains the expression and the value it failed on.
    public let reason: String

    public init(row: Int, reason: String) {
        self.row = row
        self.reason = reason
    }
}

/// The state of evaluating one expression over one batch, shared by its nodes.
struct Evaluation {
    /// The columns the expression reads, by slot.
    let columns: [ColumnVector]
    let count: Int
    /// A bitmap of the active rows; nil means all. A branch of CASE or the right side of AND is evaluated for whole
    /// vectors, but only active rows can fail.
    var active: Buffer?
    private(set) var failures: [RowFailure] = []
    private(set) var failed: [UInt8] = []

    init(columns: [ColumnVector], count: Int) {
        self.columns = columns
        self.count = count
    }

    /// Records the first failure of a row. Failures of inactive rows are ignored.
    mutating func fail(_ row: Int, _ reason: @autoclosure () -> String) {
        if let active, !Bitmap.isSet(active.base, row) { return }
        if failed.isEmpty { failed = Array(repeating: 0, count: Bitmap.byteCount(count)) }
        let bit = UInt8(1) << UInt8(row & 7)
        guard failed[row >> 3] & bit == 0 else { return }
        failed[row >> 3] |= bit
        failures.append(RowFailure(row: row, reason: reason()))
    }

    /// Restricts the active rows to those in `mask` while `body` runs.
    mutating func restricted<T>(to mask: Buffer, _ body: (inout Evaluation) -> T) -> T {
        let outer = active
        active = outer.map { combine($0, mask, count) { $0 & $1 } } ?? mask
        defer { active = outer }
        return body(&self)
    }

    /// Turns the rows a kernel could not compute into nulls or failures.
    mutating func settle(
        _ vector: ColumnVector,
        invalid: [Int32],
        isTry: Bool = false,
        _ reason: (Int) -> String
    ) -> ColumnVector {
        if invalid.isEmpty { return vector }
        if isTry { return vector.nulling(invalid) }
        for row in invalid { fail(Int(row), reason(Int(row))) }
        return vector
    }
}

extension ColumnVector {
    /// Sets more rows to null.
    func nulling(_ rows: some Sequence<Int32>) -> ColumnVector {
        let bits = Buffer.filled(count: Bitmap.byteCount(count)) { target in
            if let validity {
                target.copyMemory(from: UnsafeRawBufferPointer(start: validity.base, count: target.count))
            } else {
                target.initializeMemory(as: UInt8.self, repeating: 0xff)
            }
            guard let base = target.baseAddress else { return }
            for row in rows { Bitmap.clear(base, Int(row)) }
        }
        return ColumnVector(type: type, count: count, validity: bits, values: values, bytes: bytes)
    }
}

/// Combines two bitmaps byte by byte.
@inline(__always)
func combine(_ left: Buffer, _ right: Buffer, _ count: Int, _ body: (UInt8, UInt8) -> UInt8) -> Buffer {
    let a = left.values(as: UInt8.self)
    let b = right.values(as: UInt8.self)
    return Buffer.filled(count: Bitmap.byteCount(count)) { target in
        for index in 0..<target.count { target[index] = body(a[index], b[index]) }
    }
}

/// Builds a bitmap with one bit per row.
@inline(__always)
func bitmap(_ count: Int, _ test: (Int) -> Bool) -> Buffer {
    Buffer.filled(count: Bitmap.byteCount(count)) { target in
        for index in 0..<target.count {
            var byte: UInt8 = 0
            for bit in 0..<min(8, count - index * 8) where test(index * 8 + bit) { byte |= 1 << UInt8(bit) }
            target[index] = byte
        }
    }
}

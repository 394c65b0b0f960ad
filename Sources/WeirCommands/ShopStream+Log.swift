import Bytes
import EventLog

extension ShopStream {
    /// Appends the whole stream to its topics, with a few groups in flight. Returns the total bytes of keys and values.
    ///
    /// - Parameter onProgress: called with the number of events appended so far.
    @discardableResult
    public mutating func append(
        to log: FileLogWriter,
        onProgress: (Int) -> Void = { _ in }
    ) throws(WeirError) -> Int {
        var out = GrowableBuffer(capacity: 2048)
        var customers = RecordBatchBuilder()
        var orders = RecordBatchBuilder()
        var tickets: [AppendTicket] = []
        var bytes = 0
        var events = 0
        while let event = next(into: &out) {
            let base = UnsafeRawPointer(out.base)
            let key = UnsafeRawBufferPointer(start: base, count: event.keyCount)
            let value = UnsafeRawBufferPointer(start: base + event.keyCount, count: event.valueCount)
            switch event.table {
            case .customers: try customers.append(key: key, value: value, timestamp: event.milliseconds)
            case .orders: try orders.append(key: key, value: value, timestamp: event.milliseconds)
            }
            bytes += out.count
            events += 1
            out.removeAll()
            if customers.byteCount + orders.byteCount > 4 << 20 {
                try Self.submit(&customers, .customers, log, &tickets)
                try Self.submit(&orders, .orders, log, &tickets)
                while tickets.count > 4 { _ = try tickets.removeFirst().wait() }
                onProgress(events)
            }
        }
        try Self.submit(&customers, .customers, log, &tickets)
        try Self.submit(&orders, .orders, log, &tickets)
        for ticket in tickets { _ = try ticket.wait() }
        onProgress(events)
        return bytes
    }

    private static func submit(
        _ builder: inout RecordBatchBuilder,
        _ table: Table,
        _ log: FileLogWriter,
        _ tickets: inout [AppendTicket]
    ) throws(WeirError) {
        if builder.isEmpty { return }
        tickets.append(try log.submit(topic: table.topic, partition: 0, records: try builder.finish()))
    }
}

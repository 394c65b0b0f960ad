import Bytes

/// A small shop as Debezium would report it: customers and orders, first a snapshot, then inserts, updates and deletes.
///
/// The same parameters give the same stream. The final rows of the shop are known, so the result of a reader can be
/// checked.
public struct ShopStream: Sendable {
    public enum Table: Int, Sendable, CaseIterable {
        case customers
        case orders

        public var topic: String { "shop.public.\(self)" }
    }

    /// The distribution of the changes after the snapshot.
    public struct Mix: Sendable {
        /// Per 1000 changes: new, changed and deleted orders. The other changes are customers who move or are promoted.
        public var newOrders = 450
        public var changedOrders = 480
        public var deletedOrders = 50

        public init() {}

        public init(newOrders: Int, changedOrders: Int, deletedOrders: Int) {
            self.newOrders = newOrders
            self.changedOrders = changedOrders
            self.deletedOrders = deletedOrders
        }
    }

    static let countries = ["DE", "FR", "US", "JP", "IT", "ES", "BR", "IN"]
    static let tiers = ["basic", "silver", "gold"]
    static let statuses = ["NEW", "PAID", "PACKED", "SHIPPED", "DONE", "RETURNED"]

    private struct Customer {
        var country: UInt8
        var tier: UInt8
    }

    private struct Order {
        var customer: Int32
        var amountCents: Int32
        var status: UInt8
        var isLive: Bool
    }

    private let mix: Mix
    private var state: UInt64
    private var customers: [Customer] = []
    private var orders: [Order] = []
    private let customerCount: Int
    private var timeMilliseconds: Int64 = 1_750_000_000_000
    /// The number of events not generated yet.
    public private(set) var remaining: Int
    public private(set) var liveOrders = 0

    /// `events` is the total number, including the snapshot of the customers.
    public init(seed: UInt64 = 1, customers: Int = 5_000, events: Int, mix: Mix = Mix()) {
        precondition(customers > 0 && events >= customers, "a shop has customers, and its snapshot lists them all")
        state = seed
        customerCount = customers
        remaining = events
        self.mix = mix
    }

    public var liveCustomers: Int { customers.count }

    private mutating func random(_ bound: Int) -> Int {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return Int(((state >> 33) &* UInt64(bound)) >> 31)
    }

    /// Appends the next event's key and value to `out`. Returns nil at the end of the stream. Sizes are in bytes.
    public mutating func next(into out: inout GrowableBuffer) -> (
        table: Table, keyCount: Int, valueCount: Int, milliseconds: Int64
    )? {
        if remaining == 0 { return nil }
        remaining -= 1
        if customers.count < customerCount {
            customers.append(Customer(country: UInt8(random(Self.countries.count)), tier: UInt8(random(2))))
            return emitCustomer(customers.count - 1, before: nil, operation: "r", &out)
        }
        timeMilliseconds += Int64(random(3))
        let choice = random(1000)
        if liveOrders == 0 || choice < mix.newOrders {
            let order = Order(
                customer: Int32(random(customerCount)),
                amountCents: Int32(100 + random(500_000)),
                status: 0,
                isLive: true
            )
            orders.append(order)
            liveOrders += 1
            return emitOrder(orders.count - 1, before: nil, after: order, &out)
        }
        if choice < mix.newOrders + mix.changedOrders + mix.deletedOrders {
            var index = random(orders.count)
            while !orders[index].isLive { index = (index + 1) % orders.count }
            let before = orders[index]
            if choice >= mix.newOrders + mix.changedOrders {
                orders[index].isLive = false
                liveOrders -= 1
                return emitOrder(index, before: before, after: nil, &out)
            }
            orders[index].status = UInt8(min(Int(before.status) + 1, Self.statuses.count - 1))
            orders[index].amountCents += 1
            return emitOrder(index, before: before, after: orders[index], &out)
        }
        let index = random(customerCount)
        let before = customers[index]
        customers[index].country = UInt8(
            (Int(before.country) + 1 + random(Self.countries.count - 1)) % Self.countries.count
        )
        customers[index].tier = UInt8(random(Self.tiers.count))
        return emitCustomer(index, before: before, operation: "u", &out)
    }

    // MARK: Envelopes

    private func emitCustomer(
        _ index: Int,
        before: Customer?,
        operation: StaticString,
        _ out: inout GrowableBuffer
    ) -> (table: Table, keyCount: Int, valueCount: Int, milliseconds: Int64) {
        let start = out.count
        out.text("{\"id\":")
        out.number(Int64(index + 1))
        out.text("}")
        let keyCount = out.count - start
        out.text("{\"before\":")
        if let before { appendCustomer(index, before, &out) } else { out.text("null") }
        out.text(",\"after\":")
        appendCustomer(index, customers[index], &out)
        appendSource("customers", operation, &out)
        return (.customers, keyCount, out.count - start - keyCount, timeMilliseconds)
    }

    private func emitOrder(
        _ index: Int,
        before: Order?,
        after: Order?,
        _ out: inout GrowableBuffer
    ) -> (table: Table, keyCount: Int, valueCount: Int, milliseconds: Int64) {
        let start = out.count
        out.text("{\"order_id\":")
        out.number(Int64(index + 1))
        out.text("}")
        let keyCount = out.count - start
        out.text("{\"before\":")
        if let before { appendOrder(index, before, &out) } else { out.text("null") }
        out.text(",\"after\":")
        if let after { appendOrder(index, after, &out) } else { out.text("null") }
        appendSource("orders", after == nil ? "d" : before == nil ? "c" : "u", &out)
        return (.orders, keyCount, out.count - start - keyCount, timeMilliseconds)
    }

    private func appendCustomer(_ index: Int, _ customer: Customer, _ out: inout GrowableBuffer) {
        out.text("{\"id\":")
        out.number(Int64(index + 1))
        out.text(",\"name\":\"customer ")
        out.number(Int64(index + 1))
        out.text("\",\"country\":\"")
        out.text(Self.countries[Int(customer.country)])
        out.text("\",\"tier\":\"")
        out.text(Self.tiers[Int(customer.tier)])
        out.text("\"}")
    }

    private func appendOrder(_ index: Int, _ order: Order, _ out: inout GrowableBuffer) {
        out.text("{\"order_id\":")
        out.number(Int64(index + 1))
        out.text(",\"customer_id\":")
        out.number(Int64(order.customer) + 1)
        out.text(",\"status\":\"")
        out.text(Self.statuses[Int(order.status)])
        out.text("\",\"amount\":\"")
        out.number(Int64(order.amountCents / 100))
        out.text(order.amountCents % 100 < 10 ? ".0" : ".")
        out.number(Int64(order.amountCents % 100))
        // One order per second, 65,536 orders per day, over 16 days: several daily partitions.
        out.text("\",\"created_at\":\"2025-06-")
        let day = 10 + index / 65_536 % 16
        out.number(Int64(day))
        out.text("T")
        let second = index % 65_536
        out.twoDigits(second / 3600)
        out.text(":")
        out.twoDigits(second / 60 % 60)
        out.text(":")
        out.twoDigits(second % 60)
        out.text(".000000Z\",\"note\":\"deliver to the side door, ring twice\"}")
    }

    private func appendSource(_ table: StaticString, _ operation: StaticString, _ out: inout GrowableBuffer) {
        out.text(",\"source\":{\"version\":\"3.6.3.Final\",\"connector\":\"postgresql\",\"name\":\"shop\",\"ts_ms\":")
        out.number(timeMilliseconds)
        out.text(",\"snapshot\":\"false\",\"db\":\"shop\",\"schema\":\"public\",\"table\":\"")
        out.text(table)
        out.text("\",\"txId\":732,\"lsn\":")
        out.number(timeMilliseconds &* 7)
        out.text(",\"xmin\":null},\"transaction\":null,\"op\":\"")
        out.text(operation)
        out.text("\",\"ts_ms\":")
        out.number(timeMilliseconds)
        out.text("}")
    }
}

extension GrowableBuffer {
    fileprivate mutating func text(_ text: StaticString) {
        append(UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    fileprivate mutating func text(_ text: String) {
        var text = text
        text.withUTF8 { append(UnsafeRawBufferPointer($0)) }
    }

    fileprivate mutating func number(_ value: Int64) {
        if value < 0 { append(UInt8(ascii: "-")) }
        var rest = value.magnitude
        reserve(20)
        // Digits are produced from last to first, in a buffer on the stack.
        var digits: (UInt64, UInt64, UInt32) = (0, 0, 0)
        withUnsafeMutableBytes(of: &digits) { buffer in
            var index = 20
            repeat {
                index -= 1
                buffer[index] = UInt8(ascii: "0") + UInt8(rest % 10)
                rest /= 10
            } while rest > 0
            append(UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(buffer)[index..<20]))
        }
    }

    fileprivate mutating func twoDigits(_ value: Int) {
        append(UInt8(ascii: "0") + UInt8(value / 10))
        append(UInt8(ascii: "0") + UInt8(value % 10))
    }
}

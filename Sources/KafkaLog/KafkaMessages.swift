import CRdKafka

/// Messages delivered by librdkafka that have not been read yet, in order.
struct KafkaMessages: ~Copyable {
    private static let step = 1024
    private var memory = UnsafeMutableBufferPointer<UnsafeMutablePointer<rd_kafka_message_t>?>.allocate(capacity: step)
    private var head = 0
    private var tail = 0

    deinit {
        for index in head..<tail { if let message = memory[index] { rd_kafka_message_destroy(message) } }
        memory.deallocate()
    }

    var count: Int { tail - head }

    subscript(_ index: Int) -> UnsafeMutablePointer<rd_kafka_message_t>? { memory[head + index] }

    /// Takes the available messages; returns whether there were any.
    mutating func fetch(_ topic: OpaquePointer, _ partition: Int32) -> Bool {
        makeRoom()
        guard let base = memory.baseAddress else { return false }
        let taken = rd_kafka_consume_batch(topic, partition, 0, base + tail, memory.count - tail)
        guard taken > 0 else { return false }
        tail += taken
        return true
    }

    /// Waits for one message.
    mutating func fetch(_ topic: OpaquePointer, _ partition: Int32, waiting timeout: Int32) -> Bool {
        makeRoom()
        guard let message = rd_kafka_consume(topic, partition, timeout) else { return false }
        memory[tail] = message
        tail += 1
        return true
    }

    mutating func drop(_ count: Int) {
        for index in head..<(head + count) { if let message = memory[index] { rd_kafka_message_destroy(message) } }
        head += count
        if head == tail { (head, tail) = (0, 0) }
    }

    private mutating func makeRoom() {
        guard memory.count - tail < Self.step / 2 else { return }
        let needed = max(Self.step, count * 2)
        let larger = UnsafeMutableBufferPointer<UnsafeMutablePointer<rd_kafka_message_t>?>.allocate(capacity: needed)
        for index in 0..<count { larger.initializeElement(at: index, to: memory[head + index]) }
        memory.deallocate()
        memory = larger
        (head, tail) = (0, count)
    }
}

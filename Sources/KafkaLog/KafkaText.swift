import CRdKafka

/// Receives the error text that librdkafka writes along with a code.
struct KafkaText {
    private(set) var text = ""

    mutating func fill<Result>(_ call: (UnsafeMutablePointer<CChar>, Int) -> Result) -> Result {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: 512) { memory in
            guard let base = memory.baseAddress else { preconditionFailure("512 bytes have an address") }
            base[0] = 0
            let result = call(base, 512)
            text = String(cString: base)
            return result
        }
    }
}

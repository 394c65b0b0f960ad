import Foundation
import Testing

/// Listens on the loopback address and sends every client the same answer, in place of a Kafka broker.
final class LoopbackListener: Sendable {
    let address: String
    private let descriptor: Int32

    /// - Parameter answer: sent after the first bytes arrive; then the connection is closed.
    init(answer: String) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        try #require(descriptor >= 0)
        var socketAddress = sockaddr_in()
        socketAddress.sin_family = sa_family_t(AF_INET)
        socketAddress.sin_addr.s_addr = in_addr_t(0x7f00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let descriptor = self.descriptor
        let isListening = withUnsafeMutablePointer(to: &socketAddress) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { socketAddress in
                bind(descriptor, socketAddress, length) == 0 && listen(descriptor, 16) == 0
                    && getsockname(descriptor, socketAddress, &length) == 0
            }
        }
        try #require(isListening, "errno \(errno)")
        address = "127.0.0.1:\(UInt16(bigEndian: socketAddress.sin_port))"
        Thread.detachNewThread {
            while true {
                let connection = accept(descriptor, nil, nil)
                // Shut down by `deinit`.
                guard connection >= 0 else { break }
                var request = [UInt8](repeating: 0, count: 4096)
                if recv(connection, &request, request.count, 0) > 0 {
                    let bytes = Array(answer.utf8)
                    _ = send(connection, bytes, bytes.count, Int32(MSG_NOSIGNAL))
                }
                close(connection)
            }
            close(descriptor)
        }
    }

    deinit { shutdown(descriptor, Int32(SHUT_RDWR)) }
}

import Foundation
import Synchronization

/// A TCP proxy on the loopback interface, which can lose what passes through it.
///
/// A rule sees each piece that a client sends, before it is forwarded. A piece is what one read returns; for the short
/// messages of a database client it is one or more whole messages.
public final class ByteProxy: Sendable {
    public enum Action: Sendable {
        case forward
        /// Forwards the piece, and closes both sides when the answer comes, which the client does not get.
        case loseAnswer
        /// Drops the piece and leaves both sides open.
        case drop
        /// Closes the client's side. The server waits for the piece until `release`.
        case hold
    }

    public let port: UInt16
    private let target: UInt16
    private let listener: Int32
    private let rule: @Sendable (String) -> Action
    private let held = Mutex<[(server: Int32, piece: [UInt8])]>([])

    /// - Parameters:
    ///   - target: the port that connections are forwarded to.
    ///   - rule: gets the piece as text.
    public init(to target: UInt16, rule: @escaping @Sendable (String) -> Action) throws {
        self.target = target
        self.rule = rule
        (listener, port) = try LoopbackPort.listener()
        let listener = listener
        Thread.detachNewThread { [weak self] in
            while true {
                let client = accept(listener, nil, nil)
                if client < 0 { return }
                guard let proxy = self else { return _ = close(client) }
                Thread.detachNewThread { proxy.serve(client) }
            }
        }
    }

    deinit {
        shutdown(listener, Int32(SHUT_RDWR))
        close(listener)
        for (server, _) in held.withLock({ $0 }) { close(server) }
    }

    /// Whether pieces are held.
    public var holds: Bool { held.withLock { !$0.isEmpty } }

    /// Sends the server what was held, or drops it, and waits until the server has ended the session.
    public func release(forwarding: Bool) {
        let pieces = held.withLock { held in
            defer { held = [] }
            return held
        }
        for (server, piece) in pieces {
            if forwarding { Self.send(piece, to: server) }
            shutdown(server, Int32(SHUT_WR))
            while Self.receive(server) != nil {}
            close(server)
        }
    }

    private func serve(_ client: Int32) {
        guard let server = LoopbackPort.connected(target) else {
            close(client)
            return
        }
        var losesAnswer = false
        var events = [client, server].map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
        while poll(&events, 2, -1) > 0 || errno == EINTR {
            if events[0].revents != 0 {
                guard let piece = Self.receive(client) else { break }
                switch rule(String(decoding: piece, as: UTF8.self)) {
                case .forward: Self.send(piece, to: server)
                case .drop: break
                case .loseAnswer:
                    losesAnswer = true
                    Self.send(piece, to: server)
                case .hold:
                    held.withLock { $0.append((server, piece)) }
                    close(client)
                    return
                }
            }
            if events[1].revents != 0 {
                guard let piece = Self.receive(server), !losesAnswer else { break }
                Self.send(piece, to: client)
            }
        }
        close(client)
        close(server)
    }

    private static func receive(_ socket: Int32) -> [UInt8]? {
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        let count = recv(socket, &buffer, buffer.count, 0)
        return count > 0 ? Array(buffer[..<count]) : nil
    }

    private static func send(_ bytes: [UInt8], to socket: Int32) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Foundation.send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            if count <= 0 { return }
            rest = rest.dropFirst(count)
        }
    }
}

import Foundation
import Testing

/// Starts a PostgreSQL server for the tests of a suite, and stops it after them.
public struct PostgresScope: SuiteTrait, TestScoping {
    @TaskLocal private static var current: PostgresServer?

    /// The server of the suite that runs.
    public static func server() throws -> PostgresServer {
        guard let current else { throw Peers.Failure(description: "the suite has no trait .postgres") }
        return current
    }

    public func provideScope(
        for test: Test,
        testCase: Test.Case?,
        performing function: @Sendable () async throws -> Void
    ) async throws {
        guard PostgresServer.isAvailable else { return try await function() }
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("weir-" + UUID().uuidString).path
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let server = try PostgresServer(folder: folder)
        try await Self.$current.withValue(server) { try await function() }
        try server.stop()
    }
}

extension Trait where Self == PostgresScope {
    public static var postgres: Self { Self() }
}

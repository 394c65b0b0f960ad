import Bytes
import IcebergFormat

/// The process that reads for a consumer. It holds the name until it ends, or is silent for a while.
public struct ConsumerSession: Sendable, Equatable {
    /// Random, for one process.
    public let id: String
    public let host: String
    public let process: Int64
    /// Where the process id means the same process: one boot of one machine, or of a container.
    public let machine: String
    /// When the process began, in the machine's own units: ids of processes are used again.
    public let started: Int64
    /// Others may take the name over from then on, in milliseconds since 1970.
    public var untilMs: Int64

    public init(
        id: String,
        host: String,
        process: Int64,
        machine: String = "",
        started: Int64 = 0,
        untilMs: Int64 = 0
    ) {
        self.id = id
        self.host = host
        self.process = process
        self.machine = machine
        self.started = started
        self.untilMs = untilMs
    }

    init(json object: JSONObject) throws(WeirError) {
        id = try object.string("id")
        host = try object.string("host")
        process = try object.long("process")
        machine = try object.string("machine")
        started = try object.long("started")
        untilMs = try object.long("until-ms")
    }

    var json: JSONObject {
        [
            "id": .string(id), "host": .string(host), "process": .integer(process), "machine": .string(machine),
            "started": .integer(started), "until-ms": .integer(untilMs),
        ]
    }
}

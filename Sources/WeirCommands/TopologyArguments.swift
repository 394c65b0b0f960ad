import ArgumentParser
import Bytes
import Foundation
import Topology

/// A topology file and the `--set` overrides.
struct TopologyArguments: ParsableArguments {
    @Argument(help: "The topology file.")
    var topology: String

    @Option(help: "Set a value over the file's, as KEY=VALUE: pipeline.commit.interval=1s; may be repeated.")
    var set: [String] = []

    func overrides() throws -> [(path: String, value: String)] {
        try set.map { text in
            let (key, value) = try KeyValue.split(text, option: "--set")
            return (key, value)
        }
    }

    func validate() throws { _ = try overrides() }
}

extension WarehouseOptions {
    /// The warehouse, catalog and log of a topology.
    func locations(_ topology: Topology) throws(WeirError) -> WarehouseLocations {
        try locations(
            topology: (topology.sink.warehouse, try topology.sink.catalog?.reveal()),
            catalogName: topology.sink.catalogName
        )
    }
}

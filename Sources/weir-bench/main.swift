import Foundation

let wanted = CommandLine.arguments.dropFirst()
func selects(_ name: String) -> Bool { wanted.isEmpty || wanted.contains(name) }

do {
    if selects("ingest") { try IngestBenchmarks.run(events: 1_000_000) }
} catch {
    print("benchmark failed: \(error)")
    exit(1)
}

import Foundation

// weir-bench [CASE…]
//
// Every case runs in its own process, so that its peak memory is measured separately.

if let first = CommandLine.arguments.dropFirst().first, first == BenchmarkCase.childMarker {
    exit(BenchmarkCase.runChild(Array(CommandLine.arguments.dropFirst(2))))
}
var wanted: [BenchmarkCase] = []
for name in CommandLine.arguments.dropFirst() {
    guard let known = BenchmarkCase(rawValue: name) else {
        let names = BenchmarkCase.allCases.map(\.rawValue).joined(separator: " ")
        FileHandle.standardError.write(Data("weir-bench: no case '\(name)'; there are: \(names)\n".utf8))
        exit(2)
    }
    wanted.append(known)
}
if wanted.isEmpty { wanted = BenchmarkCase.allCases.filter(\.isDefault) }
BenchmarkCase.describeMachine()
var failures = 0
let library = KafkaLibrary()
for benchmark in wanted {
    let environment = benchmark == .kafka ? library?.environment : nil
    let arguments = [BenchmarkCase.childMarker, benchmark.rawValue]
    if ChildProcess.runSelf(arguments, environment: environment ?? [:]) != 0 { failures += 1 }
}
library?.remove()
exit(failures == 0 ? 0 : 1)

import Foundation

// weir-bench [CASE…]
//
// Every case runs in a process of its own, so that its peak memory is its own.

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
for benchmark in wanted where ChildProcess.runSelf([BenchmarkCase.childMarker, benchmark.rawValue]) != 0 {
    failures += 1
}
exit(failures == 0 ? 0 : 1)

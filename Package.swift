// swift-tools-version: 6.3
import Foundation
import PackageDescription

// Settings for every target of this package: warnings are errors, and `any` must be written.
let swiftSettings: [SwiftSetting] = [
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
    // Column loops are in the module above the buffers that they read.
    .unsafeFlags(["-cross-module-optimization"], .when(configuration: .release)),
]

// The rpath of Arrow unpacked by scripts/install-dependencies. A system Arrow needs none.
let bundledArrow = Context.packageDirectory + "/.deps/arrow/lib"
let linkerSettings: [LinkerSetting] =
    FileManager.default.fileExists(atPath: bundledArrow) ? [.unsafeFlags(["-Xlinker", "-rpath=\(bundledArrow)"])] : []

func target(_ name: String, _ dependencies: [Target.Dependency] = [], features: [String] = []) -> Target {
    .target(
        name: name,
        dependencies: dependencies,
        swiftSettings: swiftSettings + features.map { .enableExperimentalFeature($0) }
    )
}

func tests(_ name: String, _ dependencies: [Target.Dependency], resources: [Resource] = []) -> Target {
    .testTarget(
        name: name + "Tests",
        dependencies: [.byName(name: name), "WeirTesting"] + dependencies,
        resources: resources,
        swiftSettings: swiftSettings,
        linkerSettings: linkerSettings
    )
}

let argumentParser = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")

let package = Package(
    name: "weir",
    platforms: [.macOS(.v26)],
    products: [.executable(name: "weir", targets: ["weir"])],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
    ],
    targets: [
        // System libraries.
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
        .systemLibrary(name: "CZstd", pkgConfig: "libzstd", providers: [.apt(["libzstd-dev"])]),
        .systemLibrary(name: "CRoaring", providers: [.apt(["libroaring-dev"])]),
        .systemLibrary(name: "CRdKafka", pkgConfig: "rdkafka", providers: [.apt(["librdkafka-dev"])]),
        .systemLibrary(name: "CPostgres", pkgConfig: "libpq", providers: [.apt(["libpq-dev"])]),
        .systemLibrary(name: "CArrow", pkgConfig: "arrow"),
        .systemLibrary(name: "CParquet", pkgConfig: "parquet"),

        // C and C++ with C headers. No C++ type crosses them.
        .target(name: "CLinux"),
        .target(
            name: "CArrowShim",
            dependencies: ["CArrow", "CLinux", "CParquet"],
            cxxSettings: [.unsafeFlags(["-O3"])],
            linkerSettings: linkerSettings
        ),
        .target(
            name: "CJSONShim",
            exclude: ["simdjson/LICENSE"],
            // simdjson gets another namespace, because Arrow's libraries export the symbols of another version.
            cxxSettings: [.define("simdjson", to: "weir_simdjson"), .unsafeFlags(["-O3", "-Wno-deprecated"])]
        ),

        // Each target imports only from the ones above it.
        target("Bytes", ["CLinux", "CZlib", "CZstd"], features: ["Lifetimes"]),
        target("Values", ["Bytes"]),
        target("ObjectStorage", ["Bytes", "CLinux"]),
        target("Columnar", ["Bytes", "CArrowShim", "ObjectStorage", "Values"]),
        target("ChangeEvents", ["Columnar"]),
        target("EventLog", ["Bytes", "ChangeEvents", "CLinux", "Columnar", "ObjectStorage"]),
        target("KafkaLog", ["Bytes", "ChangeEvents", "CRdKafka", "EventLog"]),
        target("EventDecoders", ["Bytes", "ChangeEvents", "Columnar", "EventLog", "CJSONShim"]),
        target("EventEncoders", ["Bytes", "ChangeEvents", "Columnar", "EventLog", "Values"]),
        target("IcebergFormat", ["Bytes", "Columnar", "CRoaring", "Values"]),
        target(
            "IcebergTables",
            [
                "Bytes", "Columnar", "CPostgres", "IcebergFormat", "ObjectStorage", "Values",
                .product(name: "GRDB", package: "GRDB.swift"),
            ]
        ),
        target("KeyedState", ["Bytes", "CLinux", "Columnar", "ObjectStorage"]),
        target(
            "MixedTables",
            [
                "Bytes", "ChangeEvents", "CLinux", "Columnar", "IcebergFormat", "IcebergTables", "KeyedState",
                "ObjectStorage",
            ]
        ),
        target(
            "Optimizing",
            [
                "Bytes", "Columnar", "IcebergFormat", "IcebergTables", "KeyedState", "MixedTables", "ObjectStorage",
                "Values",
            ]
        ),
        target("LogStores", ["Bytes", "ChangeEvents", "Columnar", "EventDecoders", "EventLog", "IcebergFormat"]),
        target("Expressions", ["Bytes", "Columnar", "Values"]),
        target("Lookups", ["Bytes", "ChangeEvents", "Columnar", "KeyedState", "MixedTables"]),
        target(
            "Topology",
            ["Bytes", "ChangeEvents", "Columnar", "EventDecoders", "EventLog", "Expressions", "IcebergFormat", "Yams"]
        ),
        target(
            "StreamRuntime",
            [
                "Bytes", "ChangeEvents", "Columnar", "EventDecoders", "EventEncoders", "EventLog", "Expressions",
                "IcebergFormat", "IcebergTables", "KeyedState", "LogStores", "Lookups", "MixedTables", "ObjectStorage",
                "Optimizing", "Topology",
            ]
        ),
        target(
            "WeirCommands",
            [
                "Bytes", "ChangeEvents", "Columnar", "EventDecoders", "EventEncoders", "EventLog", "Expressions",
                "IcebergFormat",
                "IcebergTables", "KafkaLog", "KeyedState", "LogStores", "Lookups", "MixedTables", "ObjectStorage",
                "Optimizing", "StreamRuntime", "Topology",
                argumentParser,
            ]
        ),
        .executableTarget(
            name: "weir",
            dependencies: ["WeirCommands"],
            swiftSettings: swiftSettings,
            linkerSettings: linkerSettings
        ),
        .executableTarget(
            name: "weir-bench",
            dependencies: [
                "Bytes", "ChangeEvents", "Columnar", "EventDecoders", "EventLog", "Expressions", "IcebergTables",
                "IcebergFormat", "KafkaLog", "KeyedState", "LogStores", "Lookups", "MixedTables", "ObjectStorage",
                "Optimizing", "StreamRuntime", "Topology", "WeirCommands", "CJSONShim", "CRdKafka",
            ],
            swiftSettings: swiftSettings,
            linkerSettings: linkerSettings
        ),

        // Test doubles: faulty storage, seeded randomness, temporary folders, model tables.
        .target(
            name: "WeirTesting",
            dependencies: ["Bytes", "ChangeEvents", "ObjectStorage", "Columnar", "IcebergFormat", "IcebergTables"],
            path: "Tests/WeirTesting",
            swiftSettings: swiftSettings
        ),
        tests("Bytes", []),
        tests("Values", ["Bytes"]),
        tests("ObjectStorage", ["Bytes"]),
        tests("Columnar", ["Bytes", "CArrowShim", "ObjectStorage"], resources: [.copy("Fixtures")]),
        tests("EventLog", ["Bytes", "ObjectStorage"]),
        tests("KafkaLog", ["Bytes", "CRdKafka", "EventLog"]),
        tests(
            "EventDecoders",
            ["Bytes", "ChangeEvents", "Columnar", "EventLog", "ObjectStorage"],
            resources: [.copy("Fixtures")]
        ),
        tests("EventEncoders", ["Bytes", "ChangeEvents", "Columnar", "EventDecoders", "EventLog"]),
        tests("IcebergFormat", ["Bytes", "Columnar"], resources: [.copy("Fixtures")]),
        tests("IcebergTables", ["Bytes", "Columnar", "IcebergFormat", "ObjectStorage"]),
        tests("KeyedState", ["Bytes", "Columnar", "ObjectStorage"]),
        tests(
            "MixedTables",
            ["Bytes", "ChangeEvents", "Columnar", "IcebergFormat", "IcebergTables", "ObjectStorage"]
        ),
        tests(
            "Optimizing",
            ["Bytes", "ChangeEvents", "Columnar", "IcebergFormat", "IcebergTables", "MixedTables", "ObjectStorage"]
        ),
        tests("LogStores", ["Bytes", "ChangeEvents", "Columnar", "EventLog", "ObjectStorage"]),
        tests("Expressions", ["Bytes", "Columnar"]),
        tests(
            "Lookups",
            ["Bytes", "ChangeEvents", "Columnar", "IcebergFormat", "IcebergTables", "MixedTables", "ObjectStorage"]
        ),
        tests("Topology", ["Bytes", "Columnar", "EventLog", "Expressions"]),
        tests(
            "StreamRuntime",
            [
                "Bytes", "ChangeEvents", "Columnar", "EventDecoders", "EventEncoders", "EventLog", "Expressions",
                "IcebergFormat", "IcebergTables", "KeyedState", "LogStores", "Lookups", "MixedTables", "ObjectStorage",
                "Topology",
            ],
            resources: [.copy("Fixtures")]
        ),
        // Tests of the built binary: the command line, kill -9, and other engines reading Weir's tables.
        tests(
            "WeirCommands",
            [
                "Bytes", "ChangeEvents", "Columnar", "EventLog", "Expressions", "IcebergFormat", "IcebergTables",
                "ObjectStorage", "Topology",
                argumentParser,
            ],
            resources: [.copy("Fixtures")]
        ),
    ],
    swiftLanguageModes: [.v6],
    cxxLanguageStandard: .cxx20
)

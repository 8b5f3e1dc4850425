// swift-tools-version: 6.1
import PackageDescription

let package = Package(
    name: "hearsay",
    platforms: [.macOS(.v15)],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
        .package(url: "https://github.com/apple/swift-collections", exact: "1.6.0"),
        .package(url: "https://github.com/apple/swift-log", exact: "1.16.2"),
        .package(url: "https://github.com/apple/swift-nio", exact: "2.101.2"),
        .package(url: "https://github.com/groue/GRDB.swift", exact: "7.10.0"),
        .package(url: "https://github.com/LebJe/TOMLKit", exact: "0.6.0"),
    ],
    targets: [
        .systemLibrary(name: "CSodium", pkgConfig: "libsodium", providers: [.apt(["libsodium-dev"])]),
        .systemLibrary(name: "CPSL", pkgConfig: "libpsl", providers: [.apt(["libpsl-dev"])]),
        .target(name: "CHamming"),
        .target(name: "Primitives"),
        .target(name: "WireFormat", dependencies: ["Primitives"]),
        .target(name: "Cryptography", dependencies: ["CSodium", "Primitives"]),
        .target(name: "Noise", dependencies: ["Cryptography", "Primitives", "WireFormat"]),
        .target(name: "Ledger", dependencies: ["Cryptography", "Primitives", "WireFormat"]),
        .target(name: "Membership", dependencies: ["Ledger", "Cryptography", "Primitives", "WireFormat"]),
        .target(name: "Replication", dependencies: ["Ledger", "Cryptography", "Primitives", "WireFormat"]),
        .target(name: "Keystrokes", linkerSettings: [.linkedLibrary("m")]),
        .target(name: "Evaluation", dependencies: ["Keystrokes", "Primitives"]),
        .target(name: "Similarity", dependencies: ["CHamming", "Ledger", "Primitives"]),
        .target(name: "NodeCore", dependencies: ["Membership", "Replication", "Ledger", "Cryptography", "Primitives", "WireFormat"]),
        .target(name: "Descriptors"),
        .target(name: "Outbox", dependencies: ["Cryptography", "Descriptors", "Ledger", "Primitives", "WireFormat"]),
        .target(
            name: "Storage",
            dependencies: [
                "Cryptography", "Descriptors", "Ledger", "NodeCore", "Noise", "Primitives", "WireFormat", .product(name: "GRDB", package: "GRDB.swift"),
            ]),
        .target(
            name: "Transport",
            dependencies: [
                "Cryptography", "Descriptors", "Noise", "Primitives", "WireFormat", .product(name: "Collections", package: "swift-collections"),
                .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOPosix", package: "swift-nio"),
            ]),
        .target(
            name: "NodeRuntime",
            dependencies: [
                "Cryptography", "Ledger", "Membership", "NodeCore", "Noise", "Outbox", "Primitives", "Replication", "Similarity", "Storage", "Transport",
                "WireFormat", .product(name: "Logging", package: "swift-log"), .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ]),
        .target(
            name: "Collecting",
            dependencies: [
                "CPSL", "Cryptography", "Keystrokes", "Ledger", "Outbox", "PrivateDatabase", "Primitives", .product(name: "GRDB", package: "GRDB.swift"),
                .product(name: "TOMLKit", package: "TOMLKit"),
            ]),
        .target(name: "PrivateDatabase", dependencies: [.product(name: "GRDB", package: "GRDB.swift")]),
        .target(
            name: "Watching", dependencies: ["Cryptography", "PrivateDatabase", "Primitives", .product(name: "GRDB", package: "GRDB.swift")]),
        .target(
            name: "Simulation",
            dependencies: ["Cryptography", "Ledger", "Membership", "NodeCore", "Primitives", "Replication", "WireFormat"]),
        .executableTarget(
            name: "hearsay-bench",
            dependencies: [
                "Cryptography", "Keystrokes", "Ledger", "LocalCluster", "NodeCore", "NodeRuntime", "Outbox", "Primitives", "Similarity", "Simulation", "Storage",
                "WireFormat",
            ]),
        .target(name: "LocalCluster", dependencies: ["NodeRuntime", "Primitives", "Storage"]),
        .executableTarget(
            name: "hearsay",
            dependencies: [
                "Collecting", "Evaluation", "Keystrokes", "LocalCluster", "NodeRuntime", "Outbox", "Primitives", "Similarity", "Simulation", "Storage", "Watching",
                .product(name: "ArgumentParser", package: "swift-argument-parser"), .product(name: "Logging", package: "swift-log"),
            ]),
        .testTarget(name: "ArchitectureTests"),
        .testTarget(name: "OutboxTests", dependencies: ["Outbox", "Ledger", "Primitives"]),
        .testTarget(
            name: "CollectingTests", dependencies: ["Collecting", "Keystrokes", "Ledger", "Outbox", "Primitives", .product(name: "GRDB", package: "GRDB.swift")],
            exclude: ["Resources"]),
        .testTarget(
            name: "WatchingTests",
            dependencies: [
                "Watching", "Cryptography", "Primitives", .product(name: "GRDB", package: "GRDB.swift"), .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"), .product(name: "NIOPosix", package: "swift-nio"),
            ]),
        .testTarget(name: "PrimitivesTests", dependencies: ["Primitives"]),
        .testTarget(name: "WireFormatTests", dependencies: ["WireFormat", "Cryptography", "Primitives"]),
        .testTarget(name: "CryptographyTests", dependencies: ["Cryptography", "Primitives"]),
        .testTarget(name: "LedgerTests", dependencies: ["Ledger", "Cryptography", "Primitives", "WireFormat"]),
        .testTarget(name: "KeystrokesTests", dependencies: ["Keystrokes"]),
        .testTarget(name: "EvaluationTests", dependencies: ["Evaluation", "Keystrokes", "Primitives"]),
        .testTarget(
            name: "EndToEndTests",
            dependencies: [
                "hearsay", "Cryptography", "Ledger", "LocalCluster", "NodeRuntime", "Noise", "Outbox", "Primitives", "Storage", "Transport", "WireFormat",
                .product(name: "GRDB", package: "GRDB.swift"), .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ]),
        .testTarget(name: "MembershipTests", dependencies: ["Membership", "Cryptography", "Ledger", "Primitives", "WireFormat"]),
        .testTarget(name: "ReplicationTests", dependencies: ["Replication", "Cryptography", "Ledger", "Primitives", "WireFormat"]),
        .testTarget(
            name: "NodeRuntimeTests",
            dependencies: [
                "NodeRuntime", "Cryptography", "Ledger", "NodeCore", "Primitives", "Similarity", "Storage", "Transport", "WireFormat",
                .product(name: "Logging", package: "swift-log"),
            ]),
        .testTarget(name: "NodeCoreTests", dependencies: ["NodeCore", "Ledger", "Cryptography", "Primitives", "WireFormat"]),
        .testTarget(
            name: "StorageTests",
            dependencies: [
                "Storage", "Cryptography", "Ledger", "NodeCore", "Noise", "Primitives", "Replication", "WireFormat", .product(name: "GRDB", package: "GRDB.swift"),
            ]),
        .testTarget(name: "SimilarityTests", dependencies: ["Similarity", "CHamming", "Cryptography", "Ledger", "Primitives", "WireFormat"]),
        .testTarget(
            name: "TransportTests",
            dependencies: [
                "Transport", "Cryptography", "Noise", "Primitives", "WireFormat", .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ]),
        .testTarget(name: "NoiseTests", dependencies: ["Noise", "Cryptography", "Primitives", "WireFormat"]),
        .testTarget(
            name: "SimulationTests", dependencies: ["Simulation", "Cryptography", "Ledger", "NodeCore", "Membership", "Replication", "Primitives", "WireFormat"]),
    ],
    swiftLanguageModes: [.v6]
)

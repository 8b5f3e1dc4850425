// swift-tools-version: 6.1
import PackageDescription

let package = Package(
    name: "hearsay",
    platforms: [.macOS(.v15)],
    dependencies: [
        .package(url: "https://github.com/apple/swift-collections", exact: "1.6.0")
    ],
    targets: [
        .systemLibrary(name: "CSodium", pkgConfig: "libsodium", providers: [.apt(["libsodium-dev"])]),
        .target(name: "Primitives"),
        .target(name: "WireFormat", dependencies: ["Primitives"]),
        .target(name: "Cryptography", dependencies: ["CSodium", "Primitives"]),
        .target(name: "Noise", dependencies: ["Cryptography", "Primitives", "WireFormat"]),
        .target(name: "Ledger", dependencies: ["Cryptography", "Primitives", "WireFormat"]),
        .target(name: "Membership", dependencies: ["Ledger", "Cryptography", "Primitives", "WireFormat"]),
        .target(name: "Replication", dependencies: ["Ledger", "Cryptography", "Primitives", "WireFormat"]),
        .target(name: "NodeCore", dependencies: ["Membership", "Replication", "Ledger", "Cryptography", "Primitives", "WireFormat"]),
        .target(name: "Storage", dependencies: ["Cryptography", "Primitives"]),
        .target(name: "Transport", dependencies: ["Primitives", "WireFormat", .product(name: "Collections", package: "swift-collections")]),
        .testTarget(name: "ArchitectureTests"),
        .testTarget(name: "NodeCoreTests", dependencies: ["NodeCore", "Ledger", "Cryptography", "Primitives", "WireFormat"]),
        .testTarget(name: "StorageTests", dependencies: ["Storage", "Cryptography", "Primitives"]),
        .testTarget(name: "TransportTests", dependencies: ["Transport"]),
    ],
    swiftLanguageModes: [.v6]
)

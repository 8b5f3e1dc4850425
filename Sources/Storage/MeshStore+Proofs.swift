import Foundation
import GRDB
import Ledger
import NodeCore
import Primitives

/// One sighting that somebody wants to prove.
public struct ProofTarget: Hashable, Sendable {
    public let origin: OriginID
    public let stream: StreamID
    public let day: Day
    /// As the stream stores it, without a length byte.
    public let key: [UInt8]

    public init(origin: OriginID, stream: StreamID, day: Day, key: [UInt8]) {
        self.origin = origin
        self.stream = stream
        self.day = day
        self.key = key
    }
}

extension MeshStore {
    /// What a bundle about these sightings is made of, as it is on the disk at one moment; what is not here any more is left out.
    ///
    /// Reads every bucket that holds one of them, and checks it again.
    public func proofMaterial(of targets: [ProofTarget]) throws(StoreError) -> [ProofMaterial] {
        let byOrigin = Dictionary(grouping: targets, by: \.origin)
        return try read("read what proves sightings") { database in
            var materials: [ProofMaterial] = []
            for origin in byOrigin.keys.sorted() {
                let row = try Row.fetchOne(
                    database, sql: "SELECT origin, head, signing_key, manifest, history FROM origin WHERE origin = ?", arguments: [origin.data])
                guard let content = row.flatMap(Self.content),
                    let certificate = try Self.certificate(of: origin, generation: content.head.body.position.generation, in: database)
                else { continue }
                var material = ProofMaterial(certificate: certificate, head: content.head.signed, manifest: content.manifest)
                for (entry, keys) in Self.places(of: byOrigin[origin] ?? [], in: content.manifest) {
                    guard let descriptor = content.manifest.descriptor(of: entry.stream),
                        let bucket = try Self.bucket(entry, of: origin, descriptor: descriptor, in: database)
                    else { continue }
                    material.show(keys, in: bucket)
                }
                materials.append(material)
            }
            return materials
        }
    }

    private static func certificate(of origin: OriginID, generation: UInt32, in database: Database) throws -> Signed<GenerationCertificate>? {
        let slot = Data(Slot.generation(origin, generation).bytes)
        return try Row.fetchOne(database, sql: "SELECT bytes FROM statement WHERE slot = ?", arguments: [slot])?
            .blob("bytes").flatMap { try? Signed(decoding: Array($0)) }
    }

    /// The bucket that each key belongs to, in the manifest's order.
    private static func places(of targets: [ProofTarget], in manifest: Manifest) -> [(BucketEntry, Set<[UInt8]>)] {
        struct StreamDay: Hashable {
            let stream: StreamID
            let day: Day
        }
        let wanted = Dictionary(grouping: targets) { StreamDay(stream: $0.stream, day: $0.day) }
        return manifest.entries.compactMap { entry in
            guard let targets = wanted[StreamDay(stream: entry.stream, day: entry.day)], let descriptor = manifest.descriptor(of: entry.stream) else {
                return nil
            }
            let keys = targets.map(\.key).filter { descriptor.shard(of: $0, bits: entry.shardBits) == entry.shard }
            return keys.isEmpty ? nil : (entry, Set(keys))
        }
    }
}

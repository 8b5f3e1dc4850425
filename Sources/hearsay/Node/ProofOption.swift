import ArgumentParser
import Foundation
import Ledger
import NodeRuntime
import Primitives
import Storage

/// Writes what proves an answer's sightings to a file.
struct ProofOption: ParsableArguments {
    @Option(help: "Also write a file with which anybody can verify, offline and without a node, that operators have signed for what is named in the answer.")
    var proof: String?

    /// - Parameter targets: the sightings that the answer names.
    func write(_ targets: [ProofTarget], from home: HomeOptions) throws {
        guard let proof else { return }
        guard let bundle = try LocalAnswers.proof(of: targets, in: home.node) else {
            throw Failure(
                "there is nothing to prove: the answer names no sighting that is held here", hint: "ask for what has been seen, or with a wider --radius")
        }
        do { try Data(bundle.bytes).write(to: URL(fileURLWithPath: proof), options: .withoutOverwriting) } catch {
            throw Failure("cannot write \(proof): \(error.localizedDescription)", hint: "give a file that does not exist yet")
        }
        let left = targets.count - bundle.sightingCount
        printError("\(proof): \(bundle.bytes.count) bytes, \(AnswerWords.counted(bundle.sightingCount, "sighting")); check with hearsay verify \(proof)")
        if left > 0 { printError("\(AnswerWords.counted(left, "sighting")) of the answer could not be shown: taken back meanwhile, or over the limit") }
        printError(
            "mind: this file keeps proving its sightings after the operators have taken them back; retraction cannot reach it: "
                + "delete it when you no longer need it"
        )
    }
}

extension TypistDocument {
    /// The sightings that the answer names, each once.
    var proofTargets: [ProofTarget] {
        let named = sessions_asked.flatMap(\.candidates).map { ($0.origin, $0.day, $0.code) } + together.map { ($0.origin, $0.day, $0.code) }
        var seen: Set<ProofTarget> = []
        return named.compactMap { origin, day, code in
            guard let origin = OriginID(hex: origin), let day = Day(day), let key = Hex.decode(code) else { return nil }
            let stream = StreamID(kind: StreamID.sessionSimHash1.kind, schemaVersion: UInt16(clamping: stream.schema_version))
            let target = ProofTarget(origin: origin, stream: stream, day: day, key: key)
            return seen.insert(target).inserted ? target : nil
        }
    }
}

extension DomainDocument {
    /// The sightings that the answer names.
    var proofTargets: [ProofTarget] {
        matches.compactMap { match in
            guard let origin = OriginID(hex: match.origin), let day = Day(match.day) else { return nil }
            return ProofTarget(origin: origin, stream: .smtpTarget1, day: day, key: Array(domain.utf8))
        }
    }
}

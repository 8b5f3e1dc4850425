import ArgumentParser
import Foundation
import Ledger
import Primitives

struct VerifyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify", abstract: "Check a file that hearsay query --proof has written. Needs no node and no network.",
        discussion: """
            Says what the file proves, and what it does not. Without --mesh or --operator it proves that the holders of the keys it names have signed; whether \
            those are whom you take them for is for you to know.
            """)

    @Argument(help: "The file.")
    var file: String

    @Option(help: "A mesh's root key, or its id as hearsay status shows it: require that every operator shown has been admitted to this mesh.")
    var mesh: String?

    @Option(help: "An operator's key: require that everything shown is this operator's.")
    var `operator`: String?

    @Flag(help: "Print one JSON object.")
    var json = false

    func run() throws {
        guard let data = FileManager.default.contents(atPath: file) else { throw Failure("cannot read \(file)") }
        let bundle: ProofBundle
        do { bundle = try ProofBundle(checking: Array(data)) } catch { throw Failure("\(file) proves nothing: \(error)") }
        try requireOperator(in: bundle)
        try requireMesh(in: bundle)
        let isRequired = mesh != nil
        print(json ? try ProofText.document(bundle, meshIsRequired: isRequired) : ProofText.lines(bundle, meshIsRequired: isRequired).joined(separator: "\n"))
    }

    private func requireOperator(in bundle: ProofBundle) throws {
        guard let key = self.operator else { return }
        guard let origin = OriginID(hex: key.lowercased()) else { throw Failure("an operator is named by 64 hex digits", hint: "hearsay peers shows them") }
        if let other = bundle.testimonies.first(where: { $0.origin != origin }) {
            throw Failure("\(file) shows sightings of operator \(other.origin), not of \(origin)")
        }
    }

    private func requireMesh(in bundle: ProofBundle) throws {
        guard let mesh else { return }
        guard let root = VerifyingKey(hex: mesh.lowercased()) else {
            throw Failure("a mesh is named by the 64 hex digits of its root key or its id", hint: "hearsay status")
        }
        for testimony in bundle.testimonies {
            guard let membership = testimony.membership else {
                throw Failure("\(file) does not show that operator \(testimony.origin) is a member of any mesh")
            }
            // The id is the hash of the root key: a chain to a key with this hash is a chain to that key.
            guard membership.mesh == MeshID(root: root) || membership.mesh == MeshID(root.raw) else {
                throw Failure("operator \(testimony.origin) is a member of another mesh", hint: "the mesh of the file has the id \(membership.mesh)")
            }
        }
    }
}

import Primitives
import WireFormat

/// Why a bundle proves nothing. Whoever made or passed it on is at fault.
public enum ProofBundleError: Error, Hashable, Sendable {
    /// It is no bundle, or one of a version that this program does not know.
    case malformed(WireError)
    /// A signature on a statement of this operator does not fit.
    case forged(Part, OriginID)
    /// The head is of another operator, or of another generation, than the certificate that is to vouch for its key.
    case foreignHead(OriginID)
    /// The head says that it was issued at a time for which its signing key is not certified.
    case outsideValidity(OriginID)
    /// Streams and buckets shown are not in the manifest that the head names.
    case notInManifest(OriginID)
    /// Sightings shown are not in the bucket that the manifest names.
    case notInBucket(OriginID, StreamID, Day)
    /// A record's key is empty, too long, or belongs to another shard.
    case badKey(OriginID, StreamID, Day)
    /// Membership certificates do not lead from this operator to the root of the mesh they name.
    case brokenChain(OriginID)
    /// Something that no sighting rests on, or that stands out of order: a bundle is written in one way only.
    case notCanonical
    /// All it shows fits, and yet bytes that carry no meaning of their own have changed.
    case damaged

    public enum Part: Hashable, Sendable { case membership, generation, head }
}

extension ProofBundleError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .malformed(.unsupportedVersion(let version)): "it is a bundle of version \(version), which this program does not know"
        case .malformed(.wrongStructure): "it is no proof bundle"
        case .malformed(.truncated): "it ends too early"
        case .malformed(.trailing(let count)): "\(count) bytes follow after its end"
        case .malformed(.overLimit(let field, let value, let limit)): "a \(field.rawValue) of \(value) is over the limit of \(limit)"
        case .malformed(.invalid(let field)): "a field holds what it cannot: \(field.rawValue)"
        case .malformed(.outOfOrder): "its parts are out of order"
        case .forged(.membership, let origin): "the signature on the membership certificate of \(origin.short) does not fit"
        case .forged(.generation, let origin): "operator \(origin.short) has not signed the certificate of the signing key"
        case .forged(.head, let origin): "the head of operator \(origin.short) is not signed by the certified key"
        case .foreignHead(let origin): "the head is not of the operator and generation that the certificate of \(origin.short) is for"
        case .outsideValidity(let origin): "operator \(origin.short) has certified the signing key for another time than that of the head"
        case .notInManifest(let origin): "what is shown is not in the manifest that operator \(origin.short) has signed"
        case .notInBucket(let origin, let stream, let day):
            "what is shown is not in the bucket that operator \(origin.short) has signed for stream \(stream) on \(day)"
        case .badKey(let origin, let stream, let day): "a key of operator \(origin.short) in stream \(stream) on \(day) breaks the rules of its bucket"
        case .brokenChain(let origin): "the membership certificates do not lead from operator \(origin.short) to the root of their mesh"
        case .notCanonical: "it holds something that no sighting rests on, or holds it out of order"
        case .damaged: "its check sum does not fit"
        }
    }
}

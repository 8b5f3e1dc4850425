import Ledger
import Primitives
import Testing
import WireFormat

/// The names that the specification gives to refusals.
extension WireError {
    var refusal: String {
        switch self {
        case .truncated: "truncated"
        case .trailing: "trailing"
        case .overLimit(let field, _, _): "over-limit:\(field.rawValue)"
        case .wrongStructure: "wrong-structure"
        case .unsupportedVersion: "unsupported-version"
        case .invalid(let field): "invalid:\(field.rawValue)"
        case .outOfOrder: "out-of-order"
        }
    }
}

extension ManifestError {
    var refusal: String {
        switch self {
        case .malformed(let error): error.refusal
        case .wrongRoot: "wrong-root"
        case .breaksRule(.entryWithoutDescriptor): "rule:entry-without-descriptor"
        case .breaksRule(.mixedShardBits): "rule:mixed-shard-bits"
        case .breaksRule(.impossibleByteCount): "rule:impossible-byte-count"
        case .breaksRule(.dayBetweenSpans): "rule:day-between-spans"
        case .breaksRule(.totals): "rule:totals"
        }
    }
}

extension BucketError {
    var refusal: String {
        switch self {
        case .byteCount: "byte-count"
        case .wrongRoot: "wrong-root"
        case .breaksRule(.order): "rule:order"
        case .breaksRule(.keyLength): "rule:key-length"
        case .breaksRule(.shard): "rule:shard"
        }
    }
}

extension ProofBundleError {
    var refusal: String {
        switch self {
        case .malformed(let error): error.refusal
        case .forged(.membership, _): "forged:membership"
        case .forged(.generation, _): "forged:generation"
        case .forged(.head, _): "forged:head"
        case .foreignHead: "foreign-head"
        case .outsideValidity: "outside-validity"
        case .notInManifest: "not-in-manifest"
        case .notInBucket: "not-in-bucket"
        case .badKey: "bad-key"
        case .brokenChain: "broken-chain"
        case .notCanonical: "not-canonical"
        case .damaged: "damaged"
        }
    }
}

/// The name of what `body` throws; `nil` if it throws nothing.
func refusal(of body: () throws -> Void) -> String? {
    do {
        try body()
        return nil
    } catch let error as WireError {
        return error.refusal
    } catch let error as ManifestError {
        return error.refusal
    } catch let error as BucketError {
        return error.refusal
    } catch let error as ProofBundleError {
        return error.refusal
    } catch {
        return "unexpected: \(error)"
    }
}

/// Reads exactly one structure.
func whole<Value>(_ bytes: [UInt8], _ decode: (inout WireReader) throws -> Value) throws -> Value {
    var reader = WireReader(bytes)
    let value = try decode(&reader)
    try reader.finish()
    return value
}

import Cryptography
import Primitives
import WireFormat

/// `Protocol/statements.md` §1: something that one key says, so that anybody can check who said it.
///
/// On the wire `structure u16 | version u16 | body | signature (64 bytes)`. Signed are the tag and all bytes before the signature.
public protocol Statement: Hashable, Sendable {
    /// The number the bytes begin with.
    static var structure: UInt16 { get }
    /// Keeps a signature on this structure from passing for one on another.
    static var tag: SignatureTag { get }
    /// The key that must have signed, where the body names it; `nil` where it is known from elsewhere (heads).
    var signer: VerifyingKey? { get }

    init(decodingBody reader: inout WireReader) throws(WireError)
    func encodeBody(into writer: inout WireWriter)
}

/// A statement as it came: well-formed, its signature not yet checked. Keeps the original bytes; they are never made again from the fields.
public struct Signed<Body: Statement>: Hashable, Sendable {
    public let body: Body
    /// All bytes, signature included.
    public let bytes: [UInt8]

    /// Throws `WireError` for anything but exactly one statement of this structure, at most 4,096 bytes.
    public init(decoding bytes: [UInt8]) throws(WireError) {
        guard bytes.count <= Limits.statementByteCount else {
            throw .overLimit(.statement, value: UInt64(bytes.count), limit: UInt64(Limits.statementByteCount))
        }
        var reader = WireReader(bytes)
        try reader.structure(Body.structure)
        body = try Body(decodingBody: &reader)
        guard reader.remaining >= Signature.byteCount else { throw .truncated(need: Signature.byteCount, have: reader.remaining) }
        guard reader.remaining == Signature.byteCount else { throw .trailing(count: reader.remaining - Signature.byteCount) }
        self.bytes = bytes
    }

    private init(body: Body, bytes: [UInt8]) {
        self.body = body
        self.bytes = bytes
    }

    /// BLAKE2b-256 of all bytes: the name of this statement.
    public var hash: Digest { BLAKE2b.hash(bytes) }

    /// The statement as a checked one; `nil` if `key` did not sign it. About 50 us.
    ///
    /// - Parameter key: for heads, the generation's signing key; for all others leave it out: the body names the signer.
    public func verified(by key: VerifyingKey? = nil) -> Verified<Body>? {
        guard let key = body.signer ?? key, let signature = Signature(Array(bytes.suffix(Signature.byteCount))) else { return nil }
        guard key.verifies(signature, on: Array(bytes.dropLast(Signature.byteCount)), as: Body.tag) else { return nil }
        return Verified(signed: self, key: key)
    }

    /// Makes and signs a statement of our own. About 12 us.
    public static func make(_ body: Body, with key: SigningKey) -> Verified<Body> {
        precondition(body.signer.map { $0 == key.verifyingKey } ?? true, "a statement is signed by the key it names")
        var writer = WireWriter(reserving: 256)
        writer.structure(Body.structure)
        body.encodeBody(into: &writer)
        let signature = key.sign(writer.bytes, as: Body.tag)
        return Verified(signed: Signed(body: body, bytes: writer.bytes + signature.bytes), key: key.verifyingKey)
    }
}

/// A statement whose signature has been checked. Only checking makes one.
///
/// Its content is kept once and shared by all copies: nodes hold statements by the thousand, and pass each through many tables.
public struct Verified<Body: Statement>: Hashable, Sendable {
    private final class Content: Sendable {
        let signed: Signed<Body>
        let key: VerifyingKey

        init(_ signed: Signed<Body>, _ key: VerifyingKey) {
            self.signed = signed
            self.key = key
        }
    }

    private let content: Content

    init(signed: Signed<Body>, key: VerifyingKey) { content = Content(signed, key) }

    public var signed: Signed<Body> { content.signed }
    /// The key whose signature it is.
    public var key: VerifyingKey { content.key }
    public var body: Body { content.signed.body }
    public var bytes: [UInt8] { content.signed.bytes }
    public var hash: Digest { content.signed.hash }

    public static func == (left: Verified, right: Verified) -> Bool {
        left.content === right.content || (left.content.signed == right.content.signed && left.content.key == right.content.key)
    }

    public func hash(into hasher: inout Hasher) { hasher.combine(content.signed.bytes) }
}

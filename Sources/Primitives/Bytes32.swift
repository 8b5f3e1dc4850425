/// Thirty-two bytes held by value: the size of every key, hash and identifier of the protocol.
///
/// Ordered and compared as byte strings. Kept as four big-endian words, so hashing and comparing cost a few
/// instructions and never touch the heap. Not for secrets: nothing here is constant-time or wiped.
public struct Bytes32: Hashable, Sendable, Comparable {
    public static let byteCount = 32
    public static let zero = Bytes32(words: (0, 0, 0, 0))

    @usableFromInline let word0: UInt64
    @usableFromInline let word1: UInt64
    @usableFromInline let word2: UInt64
    @usableFromInline let word3: UInt64

    @inlinable
    init(words: (UInt64, UInt64, UInt64, UInt64)) {
        (word0, word1, word2, word3) = words
    }

    /// Takes exactly 32 bytes; `nil` for any other number.
    @inlinable
    public init?(_ bytes: some Collection<UInt8>) {
        guard bytes.count == Self.byteCount else { return nil }
        var words: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)
        var place = 0
        for byte in bytes {
            switch place >> 3 {
            case 0: words.0 = words.0 << 8 | UInt64(byte)
            case 1: words.1 = words.1 << 8 | UInt64(byte)
            case 2: words.2 = words.2 << 8 | UInt64(byte)
            default: words.3 = words.3 << 8 | UInt64(byte)
            }
            place += 1
        }
        self.init(words: words)
    }

    /// Takes exactly 64 hexadecimal digits of either case; `nil` otherwise.
    public init?(hex text: some StringProtocol) {
        guard let bytes = Hex.decode(text) else { return nil }
        self.init(bytes)
    }

    /// The bytes, first byte first. Allocates one array.
    public var bytes: [UInt8] {
        var bytes = [UInt8]()
        bytes.reserveCapacity(Self.byteCount)
        append(to: &bytes)
        return bytes
    }

    /// Appends the 32 bytes without an array of their own.
    @inlinable
    public func append(to bytes: inout [UInt8]) {
        withUnsafeBytes(of: (word0.bigEndian, word1.bigEndian, word2.bigEndian, word3.bigEndian)) { bytes.append(contentsOf: $0) }
    }

    /// The first eight bytes as a big-endian number; enough to spread identifiers over buckets.
    public var prefix: UInt64 { word0 }

    public var hex: String { Hex.encode(bytes) }

    @inlinable
    public static func < (left: Bytes32, right: Bytes32) -> Bool {
        if left.word0 != right.word0 { return left.word0 < right.word0 }
        if left.word1 != right.word1 { return left.word1 < right.word1 }
        if left.word2 != right.word2 { return left.word2 < right.word2 }
        return left.word3 < right.word3
    }
}

extension Bytes32: CustomStringConvertible {
    public var description: String { hex }
}

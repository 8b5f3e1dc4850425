import CSodium
import Primitives

/// BLAKE2b with a 32-byte result: *the* hash of the protocol (RFC 7693). About 0.8 GB/s.
public enum BLAKE2b {
    public static func hash(_ bytes: [UInt8]) -> Digest {
        var result = [UInt8](repeating: 0, count: 32)
        crypto_generichash(&result, 32, bytes, UInt64(bytes.count), nil, 0)
        return digest(result)
    }

    /// Hashes a part of `bytes` without copying it; the range is cut to what there is.
    public static func hash(_ bytes: [UInt8], range: Range<Int>) -> Digest {
        var result = [UInt8](repeating: 0, count: 32)
        bytes.withUnsafeBufferPointer { all in
            let part = UnsafeBufferPointer(rebasing: all[range.clamped(to: 0..<all.count)])
            _ = crypto_generichash(&result, 32, part.baseAddress, UInt64(part.count), nil, 0)
        }
        return digest(result)
    }

    /// Hashes `bytes` into the 32 bytes at `result`, which may lie inside `bytes`: for loops over many small inputs. About 0.2 us.
    ///
    /// The caller answers for both pointers; nothing is bounds-checked.
    @inlinable
    public static func hash(_ bytes: UnsafeRawBufferPointer, into result: UnsafeMutableRawPointer) {
        hash(bytes.baseAddress, count: bytes.count, into: result)
    }

    @usableFromInline
    static func hash(_ start: UnsafeRawPointer?, count: Int, into result: UnsafeMutableRawPointer) {
        crypto_generichash(result.assumingMemoryBound(to: UInt8.self), 32, start?.assumingMemoryBound(to: UInt8.self), UInt64(count), nil, 0)
    }

    static func digest(_ bytes: [UInt8]) -> Digest {
        guard let digest = Digest(bytes: bytes) else { preconditionFailure("a hash has \(bytes.count) bytes instead of 32") }
        return digest
    }
}

/// SHA-256 and its HMAC (FIPS 180-4, RFC 2104): only for the Noise handshake, and for webhooks, whose receivers know it.
public enum SHA256 {
    public static let byteCount = 32

    public static func hash(_ bytes: [UInt8]) -> [UInt8] {
        var result = [UInt8](repeating: 0, count: 32)
        crypto_hash_sha256(&result, bytes, UInt64(bytes.count))
        return result
    }

    /// HMAC-SHA-256 with a key of any length.
    public static func authenticate(_ message: [UInt8], key: [UInt8]) -> [UInt8] {
        var state = crypto_auth_hmacsha256_state()
        var result = [UInt8](repeating: 0, count: 32)
        crypto_auth_hmacsha256_init(&state, key, key.count)
        crypto_auth_hmacsha256_update(&state, message, UInt64(message.count))
        crypto_auth_hmacsha256_final(&state, &result)
        withUnsafeMutableBytes(of: &state) { sodium_memzero($0.baseAddress, $0.count) }
        return result
    }
}

/// SipHash-2-4 with a 16-byte key: spreads keys over shards so that outsiders cannot aim at one. Not a MAC here.
///
/// The eight result bytes are read first byte first, so the number is the byte-swapped one of the SipHash paper.
public enum SipHash {
    public static let keyByteCount = 16

    public static func hash(_ bytes: [UInt8], key: [UInt8]) -> UInt64 { bytes.withUnsafeBytes { hash($0, key: key) } }

    /// Hashes a part of `bytes` without copying it; the range is cut to what there is. About 30 ns.
    public static func hash(_ bytes: [UInt8], range: Range<Int>, key: [UInt8]) -> UInt64 {
        bytes.withUnsafeBytes { hash(UnsafeRawBufferPointer(rebasing: $0[range.clamped(to: 0..<$0.count)]), key: key) }
    }

    private static func hash(_ bytes: UnsafeRawBufferPointer, key: [UInt8]) -> UInt64 {
        precondition(key.count == keyByteCount, "a SipHash key has 16 bytes, not \(key.count)")
        var result: UInt64 = 0
        withUnsafeMutableBytes(of: &result) { result in
            _ = crypto_shorthash(
                result.baseAddress!.assumingMemoryBound(to: UInt8.self), bytes.baseAddress?.assumingMemoryBound(to: UInt8.self),
                UInt64(bytes.count), key)
        }
        return UInt64(bigEndian: result)
    }
}

/// The ChaCha20 key stream (RFC 8439, nonce of zeros, counter from 0): salts for the leaves of a bucket.
public enum ChaCha20 {
    public static let keyByteCount = 32

    /// The first `count` bytes of the stream of `key` (32 bytes).
    public static func stream(key: [UInt8], count: Int) -> [UInt8] {
        precondition(key.count == keyByteCount, "a ChaCha20 key has 32 bytes, not \(key.count)")
        var result = [UInt8](repeating: 0, count: count)
        let nonce = [UInt8](repeating: 0, count: 12)
        crypto_stream_chacha20_ietf(&result, UInt64(count), nonce, key)
        return result
    }
}

"""The cryptography of Protocol/cryptography.md, written from the text: Ed25519 with its strict rules, SipHash, Merkle trees.

Slow and obvious. hashlib does BLAKE2b; the rest of what is here is arithmetic.
"""

import hashlib
import struct

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = (-121665 * pow(121666, P - 2, P)) % P
SQRT_M1 = pow(2, (P - 1) // 4, P)


def H(data):
    return hashlib.blake2b(data, digest_size=32).digest()


# Ed25519 points, extended coordinates (X, Y, Z, T).
IDENTITY = (0, 1, 1, 0)


def add(p, q):
    a = (p[1] - p[0]) * (q[1] - q[0]) % P
    b = (p[1] + p[0]) * (q[1] + q[0]) % P
    c = 2 * p[3] * q[3] * D % P
    d = 2 * p[2] * q[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return (e * f % P, g * h % P, f * g % P, e * h % P)


def multiply(n, p):
    result = IDENTITY
    while n > 0:
        if n & 1:
            result = add(result, p)
        p = add(p, p)
        n >>= 1
    return result


def negate(p):
    return (-p[0] % P, p[1], p[2], -p[3] % P)


def encode_point(p):
    inverse = pow(p[2], P - 2, P)
    x, y = p[0] * inverse % P, p[1] * inverse % P
    return (y | (x & 1) << 255).to_bytes(32, "little")


def decode_point(data):
    """The point, taking non-canonical encodings too; None if the y is on no point."""
    number = int.from_bytes(data, "little")
    sign, y = number >> 255, (number & (2**255 - 1)) % P
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P != 0:
        x = x * SQRT_M1 % P
    if (x * x - square) % P != 0:
        return None
    if x & 1 != sign:
        x = -x % P
    return (x, y, 1, x * y % P)


BASE = decode_point(bytes([0x58]) + bytes([0x66]) * 31)
Y_MASK = (1 << 255) - 1


def is_identity(p):
    return p[0] % P == 0 and (p[1] - p[2]) % P == 0


def has_small_order(data):
    """By y alone, reduced: a set sign bit or y + p does not hide it."""
    point = decode_point(data)
    return point is not None and is_identity(multiply(8, point))


def challenge(r, a, message):
    return int.from_bytes(hashlib.sha512(r + a + message).digest(), "little") % L


def refusal_of_signature(key, signature, message):
    """None if the signature counts, otherwise the first rule of cryptography.md §2 that it breaks."""
    if len(signature) != 64:
        return "length"
    r, s = signature[:32], int.from_bytes(signature[32:], "little")
    if s >= L:
        return "s-not-reduced"
    if has_small_order(r):
        return "small-order-r"
    if has_small_order(key):
        return "small-order-key"
    if int.from_bytes(key, "little") & Y_MASK >= P:
        return "non-canonical-key"
    point = decode_point(key)
    if point is None:
        return "not-on-curve"
    expected = add(multiply(s, BASE), negate(multiply(challenge(r, key, message), point)))
    return None if encode_point(expected) == r else "mismatch"


def tagged(tag, body):
    assert len(tag) <= 32
    return tag.encode().ljust(32, b"\0") + body


def siphash(key, data):
    """SipHash-2-4; the eight bytes in their published order."""
    mask = 2**64 - 1
    k0, k1 = struct.unpack("<QQ", key)
    v = [k0 ^ 0x736F6D6570736575, k1 ^ 0x646F72616E646F6D, k0 ^ 0x6C7967656E657261, k1 ^ 0x7465646279746573]

    def rotate(x, n):
        return (x << n | x >> (64 - n)) & mask

    def rounds(count):
        for _ in range(count):
            v[0] = (v[0] + v[1]) & mask
            v[1] = rotate(v[1], 13) ^ v[0]
            v[0] = rotate(v[0], 32)
            v[2] = (v[2] + v[3]) & mask
            v[3] = rotate(v[3], 16) ^ v[2]
            v[0] = (v[0] + v[3]) & mask
            v[3] = rotate(v[3], 21) ^ v[0]
            v[2] = (v[2] + v[1]) & mask
            v[1] = rotate(v[1], 17) ^ v[2]
            v[2] = rotate(v[2], 32)

    whole = len(data) // 8 * 8
    words = [w for (w,) in struct.iter_unpack("<Q", data[:whole])]
    words.append(int.from_bytes(data[whole:], "little") | (len(data) & 0xFF) << 56)
    for word in words:
        v[3] ^= word
        rounds(2)
        v[0] ^= word
    v[2] ^= 0xFF
    rounds(4)
    return struct.pack("<Q", v[0] ^ v[1] ^ v[2] ^ v[3])


def chacha20(key, count, block=0):
    """The key stream with a nonce of zeros, from a block number on."""
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms

    return Cipher(algorithms.ChaCha20(key, struct.pack("<I", block) + bytes(12)), mode=None).encryptor().update(bytes(count))


# Merkle trees, by the recursive definitions of RFC 9162 §2.1.
BUCKET, MANIFEST, HISTORY = 1, 2, 3


def leaf(domain, data):
    return H(bytes([0, domain]) + data)


def node(left, right):
    return H(b"\1" + left + right)


def split(count):
    return 1 << (count - 1).bit_length() - 1


def root(leaves):
    if not leaves:
        return H(b"")
    if len(leaves) == 1:
        return leaves[0]
    k = split(len(leaves))
    return node(root(leaves[:k]), root(leaves[k:]))


def inclusion(index, leaves):
    if len(leaves) == 1:
        return []
    k = split(len(leaves))
    if index < k:
        return inclusion(index, leaves[:k]) + [root(leaves[k:])]
    return inclusion(index - k, leaves[k:]) + [root(leaves[:k])]


def consistency(old, leaves, whole=True):
    if old == len(leaves):
        return [] if whole else [root(leaves)]
    k = split(len(leaves))
    if old <= k:
        return consistency(old, leaves[:k], whole) + [root(leaves[k:])]
    return consistency(old - k, leaves[k:], False) + [root(leaves[:k])]


def root_from_inclusion(proof, leaf_hash, index, count):
    """Follows the definition down and the proof up; None if the proof has another length than it must."""
    if not 0 <= index < count:
        return None
    if count == 1:
        return leaf_hash if not proof else None
    if not proof:
        return None
    k = split(count)
    if index < k:
        inner = root_from_inclusion(proof[:-1], leaf_hash, index, k)
        return None if inner is None else node(inner, proof[-1])
    inner = root_from_inclusion(proof[:-1], leaf_hash, index - k, count - k)
    return None if inner is None else node(proof[-1], inner)


def roots_from_consistency(proof, old, count, old_root, whole=True):
    """The two roots a proof stands for, or None."""
    if old == count:
        if whole:
            return (old_root, old_root) if not proof else None
        return (proof[0], proof[0]) if len(proof) == 1 else None
    if not proof:
        return None
    k = split(count)
    if old <= k:
        inner = roots_from_consistency(proof[:-1], old, k, old_root, whole)
        return None if inner is None else (inner[0], node(inner[1], proof[-1]))
    inner = roots_from_consistency(proof[:-1], old - k, count - k, old_root, False)
    return None if inner is None else (node(proof[-1], inner[0]), node(proof[-1], inner[1]))


def is_consistent(proof, old, old_root, count, new_root):
    if not 0 < old <= count:
        return False
    return roots_from_consistency(proof, old, count, old_root) == (old_root, new_root)

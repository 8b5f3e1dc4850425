#!/usr/bin/env python3
"""Writes Protocol/vectors/cryptography. Published vectors are typed in from their RFCs; edge cases are computed here."""

import hashlib
import hmac

from common import Key, fixed, write
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from primitives_model import (BASE, L, P, Y_MASK, H, add, chacha20, challenge, decode_point, encode_point, is_identity, multiply, negate,
                              refusal_of_signature, siphash, tagged)

h = bytes.fromhex

RFC8032 = [
    ("RFC 8032 §7.1 test 1", "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60", ""),
    ("RFC 8032 §7.1 test 2", "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb", "72"),
    ("RFC 8032 §7.1 test 3", "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7", "af82"),
    ("RFC 8032 §7.1 test SHA(abc)", "833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42",
     hashlib.sha512(b"abc").hexdigest()),
]
# The beginnings of the published signatures: proof that the seeds above were typed in right.
RFC8032_SIGNATURES = ["e5564300c360ac72", "92a009a9f0d4cab8", "6291d657deec2402", "dc2a4459e7369633"]


def torsion_points():
    """The eight points of small order, as multiples of one of order 8."""
    y = 0
    while True:
        y += 1
        point = decode_point(y.to_bytes(32, "little"))
        if point is None:
            continue
        generator = multiply(L, point)
        if not is_identity(multiply(4, generator)):
            return [multiply(i, generator) for i in range(8)]


def small_order_encodings():
    """All 14 byte strings that stand for them: 8 canonical ones; those with y + p or a sign bit on x = 0."""
    found = {}
    for i, point in enumerate(torsion_points()):
        found[encode_point(point)] = (i, "canonical")
    for y in (0, 1, P - 1):
        for number in (y, y + P):
            for sign in (0, 1):
                if number <= Y_MASK:
                    data = (number | sign << 255).to_bytes(32, "little")
                    if data not in found:
                        point = decode_point(data)
                        index = next(i for i, p in enumerate(torsion_points()) if encode_point(p) == encode_point(point))
                        found[data] = (index, "non-canonical")
    return found


def ed25519():
    good = []
    for (name, seed, message), start in zip(RFC8032, RFC8032_SIGNATURES):
        key = Key(seed=h(seed))
        signature = key.sign_raw(h(message))
        assert signature.hex().startswith(start), name
        good.append({"name": name, "seed": seed, "key": key.public, "message": message, "signature": signature})
    key = Key("edge")
    message = b"hearsay"
    signature = key.sign_raw(message)
    good.append({"name": "our own key", "seed": key.seed, "key": key.public, "message": message, "signature": signature})
    bad = []

    def refuse(name, refusal, a, m, sig):
        assert refusal_of_signature(a, sig, m) == refusal, (name, refusal_of_signature(a, sig, m))
        bad.append({"name": name, "refusal": refusal, "key": a, "message": m, "signature": sig})

    torsion = torsion_points()
    # Keys of small order: the equation holds (the challenge is a multiple of the key's order), only the rule refuses.
    for data, (index, form) in sorted(small_order_encodings().items(), key=lambda x: (x[1][1], x[0])):
        r = encode_point(multiply(5, BASE))
        m = next(m for m in (bytes([i]) for i in range(256)) if is_identity(multiply(challenge(r, data, m), torsion[index])))
        refuse(f"small-order key, point {index}, {form}", "small-order-key", data, m, r + (5).to_bytes(32, "little"))
    # R of small order under a key a*B + T: the equation holds for a challenge of the right remainder.
    a = int.from_bytes(fixed("mixed"), "little") % L
    mixed = encode_point(add(multiply(a, BASE), torsion[1]))
    for index in range(8):
        r = encode_point(torsion[index])
        for i in range(4096):
            m = i.to_bytes(2, "big")
            k = challenge(r, mixed, m)
            if encode_point(negate(multiply(k, torsion[1]))) == r:
                refuse(f"small-order R, point {index}", "small-order-r", mixed, m, r + (k * a % L).to_bytes(32, "little"))
                break
    for data, (index, form) in sorted(small_order_encodings().items()):
        if form == "non-canonical":
            refuse(f"small-order R, point {index}, non-canonical", "small-order-r", key.public, message, data + signature[32:])
    # The same key with a torsion part, an ordinary R: not refused, and the equation is the one without cofactor.
    r = encode_point(multiply(7, BASE))
    m = next(m for m in (i.to_bytes(2, "big") for i in range(4096)) if challenge(r, mixed, m) % 8 == 0)
    s = ((7 + challenge(r, mixed, m) * a) % L).to_bytes(32, "little")
    assert refusal_of_signature(mixed, r + s, m) is None
    good.append({"name": "key with a torsion part, challenge divisible by 8", "key": mixed, "message": m, "signature": r + s})
    m = next(m for m in (i.to_bytes(2, "big") for i in range(4096)) if challenge(r, mixed, m) % 8 == 1)
    s = ((7 + challenge(r, mixed, m) * a) % L).to_bytes(32, "little")
    refuse("holds only when multiplied by the cofactor", "mismatch", mixed, m, r + s)
    for y in range(2, 19):
        for sign in (0, 1):
            data = (y + P | sign << 255).to_bytes(32, "little")
            if decode_point(data) is not None:
                refuse(f"key with y = p + {y}, sign {sign}", "non-canonical-key", data, message, signature)
    y = next(y for y in range(2, 99) if decode_point(y.to_bytes(32, "little")) is None)
    refuse("key on no point", "not-on-curve", y.to_bytes(32, "little"), message, signature)
    s = int.from_bytes(signature[32:], "little")
    for times in (1, 2, 15):
        refuse(f"S + {times} L", "s-not-reduced", key.public, message, signature[:32] + (s + times * L).to_bytes(32, "little"))
    refuse("S = L", "s-not-reduced", key.public, message, signature[:32] + L.to_bytes(32, "little"))
    refuse("S = 2^256 - 1", "s-not-reduced", key.public, message, signature[:32] + b"\xff" * 32)
    refuse("other message", "mismatch", key.public, message + b"!", signature)
    refuse("other key", "mismatch", Key("other").public, message, signature)
    for place in (0, 31, 32, 40):
        flipped = bytearray(signature)
        flipped[place] ^= 1
        refuse(f"bit flipped in byte {place}", "mismatch", key.public, message, bytes(flipped))
    refuse("63 bytes", "length", key.public, message, signature[:63])
    refuse("65 bytes", "length", key.public, message, signature + b"\0")
    tag, body = "hearsay/v1/head", b"body"
    tags = [{"name": "Sign", "seed": key.seed, "tag": tag, "body": body, "message": tagged(tag, body), "signature": key.sign(tag, body)}]
    write("cryptography", "ed25519", "cryptography.md §2: plain Ed25519 signatures that count, ones that must not, and Sign(tag, body).",
          good=good, bad=bad, tags=tags)


def hashes():
    data = bytes(i % 251 for i in range(1000))
    inputs = [b"", b"abc"] + [data[:n] for n in (1, 64, 65, 127, 128, 129, 255, 256, 1000)]
    assert H(b"abc").hex() == "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319"
    write("cryptography", "blake2b", "cryptography.md §1: BLAKE2b-256 without key.", good=[{"input": d, "hash": H(d)} for d in inputs])
    key = bytes(range(16))
    assert siphash(key, bytes(range(15))).hex() == "e545be4961ca29a1"  # a129ca6149be45e5 in the paper, as a number.
    write("cryptography", "siphash", "cryptography.md §5: SipHash-2-4 of 00 01 02 ... under the key 00 ... 0f; output bytes in published order.",
          good=[{"key": key, "input": bytes(range(n)), "hash": siphash(key, bytes(range(n)))} for n in range(64)])
    published = ("76b8e0ada0f13d90405d6ae55386bd28bdd219b8a08ded1aa836efcc8b770dc7da41597c5157488d7724e03fb8d84a376a43b8f41518a11cc387b669b2ee6586"
                 "9f07e7be5551387a98ba977c732d080dcb0f29a048e3656912c6533e32ee7aed29b721769ce64e43d57133b074d839d531ed1f28510afb45ace10a1f4b794d6f")
    assert chacha20(bytes(32), 128).hex() == published
    streams = [("RFC 8439 A.1 tests 1 and 2", bytes(32), 128)] + [(f"{n} bytes", fixed("chacha20"), n) for n in (0, 1, 16, 63, 64, 65, 1000)]
    write("cryptography", "chacha20", "cryptography.md §4: the ChaCha20 key stream, nonce of zeros, block counter from 0.",
          good=[{"name": n, "key": k, "stream": chacha20(k, c)} for n, k, c in streams])
    cases = [
        ("RFC 4231 case 1", b"\x0b" * 20, b"Hi There", "b0344c61d8db3853"), ("RFC 4231 case 2", b"Jefe", b"what do ya want for nothing?", "5bdcc146bf60754e"),
        ("RFC 4231 case 3", b"\xaa" * 20, b"\xdd" * 50, "773ea91e36800e46"), ("RFC 4231 case 4", bytes(range(1, 26)), b"\xcd" * 50, "82558a389a443c0e"),
        ("RFC 4231 case 6", b"\xaa" * 131, b"Test Using Larger Than Block-Size Key - Hash Key First", "60e431591ee0b67f"),
        ("RFC 4231 case 7", b"\xaa" * 131, b"This is a test using a larger than block-size key and a larger than block-size data. The key needs to be "
         b"hashed before being used by the HMAC algorithm.", "9b09ffa71b942fcb"),
    ]
    good = []
    for name, key, message, start in cases:
        mac = hmac.new(key, message, hashlib.sha256).digest()
        assert mac.hex().startswith(start), name
        good.append({"name": name, "key": key, "message": message, "mac": mac})
    write("cryptography", "hmac-sha256", "cryptography.md §6: HMAC-SHA-256.", good=good)


def sealing():
    key = h("1c9240a5eb55d38af333888604f6b5f0473917c1402b80099dca5cbc207075c0")
    text = ("Internet-Drafts are draft documents valid for a maximum of six months and may be updated, replaced, or obsoleted by other documents at any "
            "time. It is inappropriate to use Internet-Drafts as reference material or to cite them other than as /\u201cwork in progress./\u201d").encode()
    header = h("f33388860000000000004e91")

    def seal(k, counter, plaintext, header):
        return ChaCha20Poly1305(k).encrypt(bytes(4) + counter.to_bytes(8, "little"), plaintext, header)

    good = []
    for name, k, counter, plaintext, ad in [
        ("RFC 8439 A.5", key, 0x0807060504030201, text, header), ("empty", key, 0, b"", b""), ("counter 1", key, 1, b"hearsay", header),
        ("largest counter", key, 2**64 - 1, bytes(100), b""),
    ]:
        good.append({"name": name, "key": k, "counter": str(counter), "header": ad, "plaintext": plaintext, "sealed": seal(k, counter, plaintext, ad)})
    assert good[0]["sealed"].hex().endswith("eead9d67890cbb22392336fea1851f38")
    sealed = seal(key, 1, b"hearsay", header)
    bad = [
        ("other counter", 2, header, sealed), ("other header", 1, header + b"\0", sealed), ("tag cut", 1, header, sealed[:-1]),
        ("shorter than a tag", 1, header, sealed[:15]), ("ciphertext flipped", 1, header, bytes([sealed[0] ^ 1]) + sealed[1:]),
        ("tag flipped", 1, header, sealed[:-1] + bytes([sealed[-1] ^ 0x80])), ("empty", 1, header, b""),
    ]
    write("cryptography", "sealing", "cryptography.md §4: ChaCha20-Poly1305 with a counter as nonce. Counters are decimal text.", good=good,
          bad=[{"name": n, "key": key, "counter": str(c), "header": a, "sealed": s} for n, c, a, s in bad])


def x25519():
    good = []
    for name, scalar, point, start in [
        ("RFC 7748 §5.2 first", "a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4",
         "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c", "c3da55379de9c690"),
        ("RFC 7748 §5.2 second", "4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d",
         "e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493", "95cbde9476e8907d"),
    ]:
        secret = X25519PrivateKey.from_private_bytes(h(scalar))
        shared = secret.exchange(X25519PublicKey.from_public_bytes(h(point)))
        assert shared.hex().startswith(start), name
        good.append({"name": name, "secret": scalar, "public": secret.public_key().public_bytes_raw(), "peer": point, "shared": shared})
    for a, b in (("one", "two"), ("three", "four")):
        secret, peer = (X25519PrivateKey.from_private_bytes(fixed("x25519/" + n)) for n in (a, b))
        good.append({"name": f"{a} with {b}", "secret": fixed("x25519/" + a), "public": secret.public_key().public_bytes_raw(),
                     "peer": peer.public_key().public_bytes_raw(), "shared": secret.exchange(peer.public_key())})
    k = u = (9).to_bytes(32, "little")
    rounds = {}
    for i in range(1, 1001):
        k, u = X25519PrivateKey.from_private_bytes(k).exchange(X25519PublicKey.from_public_bytes(u)), k
        if i in (1, 1000):
            rounds[i] = k
    assert rounds[1].hex().startswith("422c8e7a6227d7bc") and rounds[1000].hex().startswith("684cf59ba83309552800ef56")
    p = 2**255 - 19
    eight = ["e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800", "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157"]
    numbers = [0, 1, p - 1, p, p + 1] + [int.from_bytes(h(e), "little") for e in eight]
    secret = fixed("x25519/one")
    bad = []
    for number in numbers:
        for sign in (0, 1):
            peer = (number | sign << 255).to_bytes(32, "little")
            try:
                X25519PrivateKey.from_private_bytes(secret).exchange(X25519PublicKey.from_public_bytes(peer))
                raise AssertionError(peer.hex())
            except ValueError:
                bad.append({"name": f"small-order key {peer.hex()[:8]}, high bit {sign}", "secret": secret, "peer": peer})
    write("cryptography", "x25519", "cryptography.md §3: agreements, RFC 7748 §5.2's iteration, and keys that give zeros and are refused.", good=good,
          iterations=[{"count": c, "result": r} for c, r in rounds.items()], bad=bad)


ed25519()
hashes()
sealing()
x25519()

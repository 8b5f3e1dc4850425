"""Checks Protocol/vectors/{cryptography,statements,ledger} against models written from the text; no code shared with any node."""

import hashlib
import hmac
import json

from evidence_model import check_evidence, read_link, refusal_of
from ledger_model import (STATEMENTS, Reader, Refused, check_bucket, check_manifest, history_root, read_address, read_descriptor, read_entry, read_sighting,
                          read_statement)
from primitives_model import HISTORY, H, chacha20, consistency, inclusion, is_consistent, leaf, refusal_of_signature, root, root_from_inclusion, siphash, tagged

h = bytes.fromhex


class Tally:
    """Counts, and says on standard output what failed."""

    def __init__(self, file):
        self.file, self.passed, self.failed = file, 0, 0

    def expect(self, condition, name):
        if condition:
            self.passed += 1
        else:
            self.failed += 1
            print(f"  FAILED {self.file}: {name}")


def refusal(action):
    try:
        action()
    except Refused as refused:
        return str(refused)
    return None


def whole(read, data):
    r = Reader(data)
    fields = read(r)
    r.finish()
    return fields


def text(fields):
    return {k: str(v) if isinstance(v, int) else v for k, v in fields.items()}


def check_ed25519(t, file):
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

    for v in file["good"]:
        key, message, signature = h(v["key"]), h(v["message"]), h(v["signature"])
        t.expect(refusal_of_signature(key, signature, message) is None, v["name"])
        try:  # A second opinion, from a library that knows only the equation.
            Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
        except InvalidSignature:
            t.expect(False, v["name"] + " (library)")
        if "seed" in v:
            t.expect(Ed25519PrivateKey.from_private_bytes(h(v["seed"])).sign(message) == signature, v["name"] + " (made again)")
    for v in file["bad"]:
        t.expect(refusal_of_signature(h(v["key"]), h(v["signature"]), h(v["message"])) == v["refusal"], v["name"])
    for v in file["tags"]:
        message = tagged(v["tag"], h(v["body"]))
        t.expect(message == h(v["message"]), "tag")
        t.expect(Ed25519PrivateKey.from_private_bytes(h(v["seed"])).sign(message) == h(v["signature"]), "tag signature")


def check_sealing(t, file):
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

    def nonce(v):
        return bytes(4) + int(v["counter"]).to_bytes(8, "little")

    for v in file["good"]:
        t.expect(ChaCha20Poly1305(h(v["key"])).encrypt(nonce(v), h(v["plaintext"]), h(v["header"])) == h(v["sealed"]), v["name"])
    for v in file["bad"]:
        try:
            ChaCha20Poly1305(h(v["key"])).decrypt(nonce(v), h(v["sealed"]), h(v["header"]))
            t.expect(False, v["name"])
        except InvalidTag:
            t.expect(True, v["name"])


def x25519(scalar, point):
    """RFC 7748 §5 by hand: the Montgomery ladder."""
    p = 2**255 - 19
    k = int.from_bytes(scalar, "little") & ~7 & (2**254 - 1) | 2**254
    x1 = int.from_bytes(point, "little") % 2**255 % p
    x2, z2, x3, z3, swap = 1, 0, x1, 1, 0
    for i in reversed(range(255)):
        bit = k >> i & 1
        if swap != bit:
            x2, x3, z2, z3 = x3, x2, z3, z2
        swap = bit
        a, b, c, d = x2 + z2, x2 - z2, x3 + z3, x3 - z3
        aa, bb, da, cb = a * a % p, b * b % p, d * a % p, c * b % p
        x3, z3 = (da + cb) ** 2 % p, x1 * (da - cb) ** 2 % p
        x2, z2 = aa * bb % p, (aa - bb) * (aa + 121665 * (aa - bb)) % p
    if swap:
        x2, z2 = x3, z3
    return (x2 * pow(z2, p - 2, p) % p).to_bytes(32, "little")


def check_x25519(t, file):
    for v in file["good"]:
        t.expect(x25519(h(v["secret"]), h(v["peer"])) == h(v["shared"]), v["name"])
        t.expect(x25519(h(v["secret"]), (9).to_bytes(32, "little")) == h(v["public"]), v["name"] + " (public)")
    for v in file["bad"]:
        t.expect(x25519(h(v["secret"]), h(v["peer"])) == bytes(32), v["name"])
    wanted = {v["count"]: h(v["result"]) for v in file["iterations"]}
    k = u = (9).to_bytes(32, "little")
    for i in range(1, max(wanted) + 1):
        k, u = x25519(k, u), k
        if i in wanted:
            t.expect(k == wanted[i], f"after {i}")


def check_hashes(t, file):
    for v in file["good"]:
        t.expect(H(h(v["input"])) == h(v["hash"]), f"{len(v['input']) // 2} bytes")


def check_siphash(t, file):
    for v in file["good"]:
        t.expect(siphash(h(v["key"]), h(v["input"])) == h(v["hash"]), f"{len(v['input']) // 2} bytes")


def check_chacha20(t, file):
    for v in file["good"]:
        t.expect(chacha20(h(v["key"]), len(v["stream"]) // 2) == h(v["stream"]), v["name"])


def check_hmac(t, file):
    for v in file["good"]:
        t.expect(hmac.new(h(v["key"]), h(v["message"]), hashlib.sha256).hexdigest() == v["mac"], v["name"])


def check_statements(kind):
    def check(t, file):
        t.expect(file["structure"] == STATEMENTS[kind][0] and file["tag"] == "hearsay/v1/" + kind, "structure and tag")

        def found(v):
            data = h(v["bytes"])
            try:
                _, signer = read_statement(kind, data)
            except Refused as refused:
                return str(refused)
            key = v["key"] if signer is None else signer
            return "forged" if refusal_of_signature(h(key), data[-64:], tagged(file["tag"], data[:-64])) else None

        for v in file["good"]:
            data = h(v["bytes"])
            t.expect(found(v) is None, v["name"])
            t.expect(H(data) == h(v["hash"]), v["name"] + " (hash)")
            t.expect(text(read_statement(kind, data)[0]) == v["fields"], v["name"] + " (fields)")
            t.expect(all(refusal(lambda: read_statement(kind, data[:n])) == "truncated" for n in range(len(data))), v["name"] + " (prefixes)")
        for v in file["bad"]:
            t.expect(found(v) == v["refusal"], f"{v['name']}: {found(v)}")

    return check


def check_addresses(t, file):
    for v in file["good"]:
        t.expect({k: str(x) for k, x in whole(read_address, h(v["bytes"])).items()} == v["fields"], v["text"])
    for v in file["bad"]:
        t.expect(refusal(lambda: whole(read_address, h(v["bytes"]))) == v["refusal"], v["name"])


def check_layout(read):
    def check(t, file):
        for v in file["good"]:
            t.expect({k: str(x) for k, x in whole(read, h(v["bytes"])).items()} == v["fields"], v["bytes"])
        for v in file["bad"]:
            t.expect(refusal(lambda: whole(read, h(v["bytes"]))) == v["refusal"], v["name"])

    return check


def check_manifests(t, file):
    for v in file["good"] + file["bad"]:
        found = refusal(lambda: check_manifest(h(v["bytes"]), h(v["root"]), v["totals"]))
        t.expect(found == v.get("refusal"), f"{v['name']}: {found}")


def check_buckets(t, file):
    for v in file["good"] + file["bad"]:
        descriptor, entry = whole(read_descriptor, h(v["descriptor"])), whole(read_entry, h(v["entry"]))
        found = refusal(lambda: check_bucket(h(v["bytes"]), entry, descriptor))
        t.expect(found == v.get("refusal"), f"{v['name']}: {found}")
        if "records" in v:
            records = [[k.hex(), value.hex()] for k, value, _ in check_bucket(h(v["bytes"]), entry, descriptor)]
            t.expect(records == v["records"], v["name"] + " (records)")


def check_merkle(t, file):
    leaves = [leaf(HISTORY, i.to_bytes(4, "big")) for i in range(8192)]
    roots = {n: root(leaves[:n]) for n in range(18)}

    def root_of(n):
        if n not in roots:
            roots[n] = root(leaves[:n])
        return roots[n]

    def proof(v):
        return [h(x) for x in v["proof"]]

    for v in file["roots"]:
        t.expect(root_of(v["count"]) == h(v["root"]), f"root of {v['count']}")
    for v in file["inclusion"]:
        i, n = v["index"], v["count"]
        t.expect(proof(v) == inclusion(i, leaves[:n]) and root_from_inclusion(proof(v), leaves[i], i, n) == root_of(n), f"leaf {i} of {n}")
    for v in file["consistency"]:
        old, n = v["old"], v["count"]
        t.expect(proof(v) == consistency(old, leaves[:n]) and is_consistent(proof(v), old, root_of(old), n, root_of(n)), f"{old} to {n}")
    for v in file["bad_inclusion"]:
        t.expect(root_from_inclusion(proof(v), leaves[v["leaf_index"]], v["index"], v["count"]) != root_of(v["root_count"]), v["name"])
    for v in file["bad_consistency"]:
        t.expect(not is_consistent(proof(v), v["old"], root_of(v["old_root_count"]), v["count"], root_of(v["new_root_count"])), v["name"])


def check_history(t, file):
    hashes = [h(file["certificate"])] + [h(x) for x in file["heads"]]
    for v in file["good"]:
        t.expect(history_root(hashes[: v["sequence"]]) == h(v["root"]), f"sequence {v['sequence']}")


def check_links(t, file):
    for v in file["good"]:
        found = whole(read_link, h(v["bytes"]))
        t.expect((found["start"], found["end"], found["start_root"].hex(), found["end_root"].hex()) == (v["start"], v["end"], v["start_root"], v["end_root"]),
                 f"{v['start']} to {v['end']}")


def check_evidence_file(t, file):
    for v in file["good"]:
        data = h(v["bytes"])
        t.expect(refusal_of(data) is None and check_evidence(data) == (v["origin"], v["generation"]) and H(data) == h(v["hash"]), v["name"])
        for count in range(0, len(data), 7):
            t.expect(refusal_of(data[:count]) is not None, f"{v['name']}, {count} bytes")
    for v in file["bad"]:
        t.expect(refusal_of(h(v["bytes"])) == v["refusal"], v["name"])


def check_sightings(t, file):
    for v in file["good"]:
        fields = read_sighting(v["kind"], 1, h(v["key"]), h(v["value"]))
        t.expect(fields is not None and text(fields) == v["fields"], v["key"])
    for v in file["bad"]:
        t.expect(read_sighting(v["kind"], 1, h(v["key"]), h(v["value"])) is None, v["name"])


CHECKS = {
    "cryptography/ed25519": check_ed25519, "cryptography/blake2b": check_hashes, "cryptography/siphash": check_siphash,
    "cryptography/chacha20": check_chacha20, "cryptography/sealing": check_sealing, "cryptography/x25519": check_x25519,
    "cryptography/hmac-sha256": check_hmac, **{"statements/" + kind: check_statements(kind) for kind in STATEMENTS},
    "statements/addresses": check_addresses, "ledger/descriptors": check_layout(read_descriptor), "ledger/entries": check_layout(read_entry),
    "ledger/manifests": check_manifests, "ledger/buckets": check_buckets, "ledger/merkle": check_merkle, "ledger/history": check_history,
    "ledger/sightings": check_sightings, "ledger/links": check_links, "statements/evidence": check_evidence_file,
}


def run(vectors_dir):
    """Checks every file of the three folders; a file nobody checks is a failure."""
    passed = failed = 0
    for folder in ("cryptography", "statements", "ledger"):
        for path in sorted((vectors_dir / folder).glob("*.json")):
            name = f"{folder}/{path.stem}"
            tally = Tally(name)
            if name in CHECKS:
                CHECKS[name](tally, json.loads(path.read_text()))
            tally.expect(name in CHECKS and tally.passed > 0, "nobody checks this file")
            print(f"{name}.json: {tally.passed} passed, {tally.failed} failed")
            passed, failed = passed + tally.passed, failed + tally.failed
    for name in CHECKS:
        if not (vectors_dir / (name + ".json")).exists():
            print(f"  FAILED {name}: the file is missing")
            failed += 1
    return passed, failed

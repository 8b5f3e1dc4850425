"""Checks Protocol/vectors/replication/messages.json: what stands in datagrams, and the history request, written from replication.md §6 and §8.1 and liveness.md §3 and §4."""

import json

from check_ledger import Tally, refusal
from ledger_model import Reader, require
from primitives_model import tagged

h = bytes.fromhex
MAX_PLAINTEXT, MAX_CHANGE = 1168, 65536


def read_datagram(data):
    r = Reader(data)
    kind = r.number(1)
    if kind in (1, 2):
        fields = {"number": r.number(4), "log_id": r.take(8).hex(), "up_to": r.number(8)}
    elif kind == 3:
        fields = {"heads": [r.prefixed(2, MAX_PLAINTEXT, "statement").hex() for _ in range(r.count(1, 5, 2))]}
    elif kind == 4:
        fields = {"head": r.prefixed(2, MAX_PLAINTEXT, "statement").hex(), "base": r.take(8).hex(), "change": r.take(r.left).hex()}
    elif kind in (5, 6):
        fields = {"number": r.number(4), "node" if kind == 5 else "asker": r.take(32).hex(), "nonce": r.take(32).hex()}
    elif kind == 7:
        fields = {"number": r.number(4), "signature": r.take(64).hex()}
    elif kind == 8:
        fields = {"number": r.number(4)}
    elif kind == 9:
        fields = {"node": r.take(32).hex(), "incarnation": r.number(8)}
    elif kind in (10, 11):
        fields = {"names": [{"origin": r.take(8).hex(), "generation": r.number(4), "sequence": r.number(8)} for _ in range(r.count(1, 58, 20))]}
    else:
        require(False, "invalid:datagram-type")
    r.finish()
    return {"type": kind} | fields


def read_history_request(data):
    r = Reader(data)
    fields = {"origin": r.take(32).hex(), "generation": r.number(4), "start": r.number(8), "end": r.number(8), "end_root": r.take(32).hex()}
    require(1 <= fields["start"] <= fields["end"], "invalid:sequence")
    r.finish()
    return fields


def vouches(node, asker, nonce, signature):
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        Ed25519PublicKey.from_public_bytes(node).verify(signature, tagged("hearsay/v1/alive", asker + nonce))
    except InvalidSignature:
        return False
    return True


def run(vectors_dir):
    t, file = Tally("replication/messages"), json.loads((vectors_dir / "replication" / "messages.json").read_text())
    for title, read in (("datagrams", read_datagram), ("history_requests", read_history_request)):
        for v in file[title]:
            if "refusal" in v:
                t.expect(refusal(lambda: read(h(v["bytes"]))) == v["refusal"], v["name"])
            else:
                t.expect(read(h(v["bytes"])) == v["fields"], v["name"])
    for v in file["vouchers"]:
        t.expect(vouches(h(v["node"]), h(v["asker"]), h(v["nonce"]), h(v["signature"])) == v["good"], v["name"])
    print(f"replication/messages.json: {t.passed} passed, {t.failed} failed")
    return t.passed, t.failed

"""Checks Protocol/vectors/proofs against the model written from Protocol/proofs.md."""

import json

from check_ledger import Tally
from primitives_model import H
from proof_model import check_bundle, refusal_of

h = bytes.fromhex


def run(vectors_dir):
    tally = Tally("proofs/bundles")
    file = json.loads((vectors_dir / "proofs" / "bundles.json").read_text())
    for v in file["good"]:
        data = h(v["bytes"])
        tally.expect(refusal_of(data) is None and check_bundle(data) == v["proves"], v["name"])
        for count in range(0, len(data), 11):
            tally.expect(refusal_of(data[:count]) is not None, f"{v['name']}, {count} bytes")
        for place in range(0, len(data) - 32, 17):  # Whoever changes a byte can make the check sum anew: what is proven must still be the same, or nothing.
            changed = bytearray(data[:-32])
            changed[place] ^= 1 << place % 8
            changed = bytes(changed) + H(b"hearsay/v1/bundle" + changed)
            tally.expect(refusal_of(changed) is not None or check_bundle(changed) == v["proves"], f"{v['name']}, byte {place}")
    for v in file["bad"]:
        tally.expect(refusal_of(h(v["bytes"])) == v["refusal"], v["name"])
    print(f"{tally.file}.json: {tally.passed} passed, {tally.failed} failed")
    return tally.passed, tally.failed

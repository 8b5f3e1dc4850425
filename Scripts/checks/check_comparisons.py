"""Checks Protocol/vectors/replication/comparisons.json: parts of logs, their digests, and what an answer says, written from replication.md §3.4."""

import hashlib
import json

from check_ledger import Tally, refusal
from ledger_model import Reader, require

h = bytes.fromhex
MAX_BITS, MAX_STATEMENT, MAX_STATEMENTS = 12, 4096, 1024


def digest(data):
    return hashlib.blake2b(data, digest_size=32).digest()


def part_of(statement, bits):
    return int.from_bytes(digest(statement), "big") >> (256 - bits)


def digests(statements, bits):
    """Of each part the first 8 bytes of the hash over its ascending hashes."""
    return [digest(b"".join(sorted(digest(s) for s in statements if part_of(s, bits) == part)))[:8] for part in range(1 << bits)]


def read_bits(r):
    bits = r.number(1)
    require(bits <= MAX_BITS, "over-limit:count")
    return bits


def read_comparison(data):
    r = Reader(data)
    fields = {"log_id": r.take(8).hex(), "after": r.number(8), "bits": read_bits(r)}
    fields["digests"] = [r.take(8).hex() for _ in range(1 << fields["bits"])]
    r.finish()
    return fields


def read_difference(data):
    r = Reader(data)
    fields = {"log_id": r.take(8).hex(), "up_to": r.number(8), "more": r.number(1)}
    require(fields["more"] <= 1, "invalid:flags")
    fields["bits"] = read_bits(r)
    count = 1 << fields["bits"]
    marks = "".join(f"{byte:08b}" for byte in r.take((count + 7) // 8))
    require("1" not in marks[count:], "invalid:flags")
    fields["equal"] = [part for part in range(count) if marks[part] == "1"]
    fields["statements"] = [r.prefixed(2, MAX_STATEMENT, "statement").hex() for _ in range(r.count(2, MAX_STATEMENTS, 2))]
    r.finish()
    return fields


def answer(log_id, log, question):
    """The one page that answers a question where everything fits one: log is a list of (number, statement), ascending."""
    bits, own = question["bits"], [d.hex() for d in digests([s for _, s in log], question["bits"])]
    equal = [part for part in range(1 << bits) if own[part] == question["digests"][part]]
    after = question["after"] if question["log_id"] == log_id else 0
    told = [s for number, s in log if number > after and part_of(s, bits) not in equal]
    return {"log_id": log_id, "up_to": max((n for n, _ in log), default=0), "more": 0, "bits": bits, "equal": equal, "statements": [s.hex() for s in told]}


def run(vectors_dir):
    t, file = Tally("replication/comparisons"), json.loads((vectors_dir / "replication" / "comparisons.json").read_text())
    for title, read in (("comparisons", read_comparison), ("differences", read_difference)):
        for v in file[title]:
            if "refusal" in v:
                t.expect(refusal(lambda: read(h(v["bytes"]))) == v["refusal"], v["name"])
            else:
                t.expect(read(h(v["bytes"])) == v["fields"], v["name"])
    for v in file["parts"]:
        t.expect([d.hex() for d in digests([h(s) for s in v["statements"]], v["bits"])] == v["digests"], v["name"])
    for v in file["conversations"]:
        log = [(number, h(statement)) for number, statement in v["log"]]
        t.expect(read_difference(h(v["answer"])) == answer(v["log_id"], log, read_comparison(h(v["question"]))), v["name"])
        t.expect([d for d in read_comparison(h(v["question"]))["digests"]] == [d.hex() for d in digests([h(s) for s in v["held"]], v["bits"])], v["name"])
    print(f"replication/comparisons.json: {t.passed} passed, {t.failed} failed")
    return t.passed, t.failed

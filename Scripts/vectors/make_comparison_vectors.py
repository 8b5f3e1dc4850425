#!/usr/bin/env python3
"""Writes Protocol/vectors/replication/comparisons.json: logs in parts, the digests of those, questions, and what is answered."""

from common import fixed, u8, u16, u64, write
from check_comparisons import answer, digests, read_comparison, read_difference
from check_ledger import refusal

TOP = 2**64 - 1
EMPTY = digests([], 0)[0]


def vector(read, name, data, refused=None):
    found = refusal(lambda: read(data))
    assert found == refused, (name, found)
    return {"name": name, "bytes": data, **({"refusal": refused} if refused else {"fields": read(data)})}


def comparison(bits, all, log_id=0x1122334455667788, after=42):
    return u64(log_id) + u64(after) + u8(bits) + b"".join(all)


def difference(bits, marks, statements, more=0, up_to=42):
    return u64(0x1122334455667788) + u64(up_to) + u8(more) + u8(bits) + marks + u16(len(statements)) + b"".join(u16(len(s)) + s for s in statements)


STATEMENTS = [fixed(f"comparison/{n}", 12 + n % 7) for n in range(40)]
comparisons = [
    vector(read_comparison, "one part", comparison(0, [EMPTY])), vector(read_comparison, "eight parts", comparison(3, digests(STATEMENTS, 3))),
    vector(read_comparison, "the highest numbers", comparison(1, [b"\xff" * 8] * 2, TOP, TOP)),
    vector(read_comparison, "more bits than there are", comparison(13, [EMPTY] * 64), "over-limit:count"),
    vector(read_comparison, "no bits", comparison(0, [])[:-1], "truncated"), vector(read_comparison, "a digest short", comparison(3, [EMPTY] * 7), "truncated"),
    vector(read_comparison, "a byte short", comparison(1, [EMPTY] * 2)[:-1], "truncated"),
    vector(read_comparison, "a digest more", comparison(1, [EMPTY] * 3), "trailing"),
]
differences = [
    vector(read_difference, "all the same", difference(4, b"\xff\xff", [])), vector(read_difference, "nothing the same", difference(0, b"\0", STATEMENTS[:2], 1)),
    vector(read_difference, "of one part", difference(0, b"\x80", [])), vector(read_difference, "of four parts the second", difference(2, b"\x40", STATEMENTS[:1])),
    vector(read_difference, "of sixteen parts the first and the tenth", difference(4, b"\x80\x40", [b""])),
    vector(read_difference, "a mark beyond the parts", difference(1, b"\x20", []), "invalid:flags"),
    vector(read_difference, "more is 2", difference(0, b"\0", [], 2), "invalid:flags"),
    vector(read_difference, "more bits than there are", difference(13, bytes(1024), []), "over-limit:count"),
    vector(read_difference, "marks a byte short", difference(4, b"\xff", []), "truncated"),
    vector(read_difference, "a byte short", difference(3, b"\xff", STATEMENTS[:1])[:-1], "truncated"),
    vector(read_difference, "a byte more", difference(3, b"\xff", STATEMENTS[:1]) + b"\0", "trailing"),
    vector(read_difference, "a statement over its limit", difference(0, b"\0", [bytes(4_097)]), "over-limit:statement"),
    vector(read_difference, "more statements than one answer has", difference(0, b"\0", [b""] * 1_025), "over-limit:count"),
]
parts = [{"name": f"{len(some)} statements in {1 << bits} parts", "statements": some, "bits": bits, "digests": digests(some, bits)}
         for some, bits in [([], 0), ([], 2), (STATEMENTS[:1], 0), (STATEMENTS, 0), (STATEMENTS, 1), (STATEMENTS, 3), (STATEMENTS, 6), (STATEMENTS[::-1], 3)]]


def conversation(name, log, held, bits, log_id, asked_log_id, after):
    question = comparison(bits, digests(held, bits), asked_log_id, after)
    fields = answer(u64(log_id).hex(), log, read_comparison(question))
    marks = "".join("1" if part in fields["equal"] else "0" for part in range(1 << bits)).ljust(8, "0")
    data = u64(log_id) + u64(fields["up_to"]) + u8(0) + u8(bits) + int(marks, 2).to_bytes(len(marks) // 8, "big")
    told = [bytes.fromhex(s) for s in fields["statements"]]
    data += u16(len(told)) + b"".join(u16(len(s)) + s for s in told)
    assert read_difference(data) == fields
    return {"name": name, "log_id": u64(log_id), "log": [[number, s] for number, s in log], "held": held, "bits": bits, "question": question, "answer": data}


LOG = [(3 * n + 1, s) for n, s in enumerate(STATEMENTS)]
conversations = [
    conversation("both hold the same", LOG, STATEMENTS[::-1], 3, 7, 0, 0),
    conversation("one is not held", LOG, STATEMENTS[:17] + STATEMENTS[18:], 3, 7, 0, 0),
    conversation("the asker holds one more", LOG, STATEMENTS + [fixed("comparison/more", 20)], 4, 7, 0, 0),
    conversation("after a number of this log", LOG, STATEMENTS[:10], 2, 7, 7, 61),
    conversation("after a number of another log", LOG, STATEMENTS[:10], 2, 7, 8, 61),
    conversation("the asker holds nothing", LOG, [], 2, 7, 0, 0),
    conversation("the answerer holds nothing", [], STATEMENTS, 2, 7, 0, 0),
]
write("replication", "comparisons", "replication.md §3.4: comparisons and differences, the digests of parts, and answers of one page.",
      comparisons=comparisons, differences=differences, parts=parts, conversations=conversations)

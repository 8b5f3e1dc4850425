#!/usr/bin/env python3
"""Writes Protocol/vectors/replication/changes.json: content, changes, and what they lead to."""

from common import fixed, u8, u16, u32, write
from check_changes import apply, descriptor_bytes, entry_bytes
from ledger_model import Refused, bucket_root, manifest_parts, manifest_root, read_descriptor, Reader, split_bucket

CODES = read_descriptor(Reader(u16(1) + u16(1) + bytes([8, 3, 1]) + u16(90) + u16(0) + fixed("change/codes", 16)))
DOMAINS = read_descriptor(Reader(u16(2) + u16(1) + bytes([0, 6, 1]) + u16(90) + u16(0) + fixed("change/domains", 16)))
SEEDS = [fixed(f"change/seed {i}") for i in range(6)]


def code(n):
    return n.to_bytes(8, "big") + bytes([0, 1, 9])


def domain(name):
    return bytes([len(name)]) + name.encode() + bytes([0, 0, 0, 3, 0, 2])


def bucket(d, day, records, seed):
    data = seed + b"".join(records)
    e = {"kind": d["kind"], "schema_version": 1, "day": day, "shard_bits": 0, "flags": 0, "shard": 0, "count": len(records), "bytes": len(data)}
    return {**e, "root": bucket_root(data, split_bucket(data, d, len(records))).hex()}, data


def content(*parts):
    """A manifest, its buckets by root, its root and totals."""
    made = [(d, bucket(d, day, records, seed)) for d, day, records, seed in parts]
    streams = {d["kind"]: d for d, _ in made}
    data = u16(len(streams)) + u32(len(made)) + b"".join(descriptor_bytes(streams[k]) for k in sorted(streams)) + b"".join(entry_bytes(e) for _, (e, _) in made)
    totals = [len(made), sum(e["count"] for _, (e, _) in made), sum(e["bytes"] for _, (e, _) in made)]
    return {"bytes": data, "buckets": {e["root"]: b for _, (e, b) in made}, "root": manifest_root(data, len(streams), len(made)), "totals": totals}


def edit(at, seed, gone, records):
    return u8(1) + u32(at) + seed + u16(len(gone)) + b"".join(u16(g) for g in gone) + u16(len(records)) + b"".join(records)


def remove(at):
    return u8(2) + u32(at)


def new(d, day, seed, records):
    return u8(4) + u16(d["kind"]) + u16(1) + u32(day) + u8(0) + u8(0) + u16(0) + seed + u16(len(records)) + b"".join(records)


def change(steps, descriptors=()):
    return u8(len(descriptors)) + b"".join(descriptor_bytes(d) for d in descriptors) + u16(len(steps)) + b"".join(steps)


BASE = content((CODES, 20000, [code(1), code(5), code(9)], SEEDS[0]), (CODES, 20001, [code(2)], SEEDS[1]), (DOMAINS, 20000, [domain("a.example"), domain("c.example")], SEEDS[2]))


def vector(name, after, *changes, before=BASE, refusal=None):
    v = {"name": name, "before": before["bytes"], "buckets": before["buckets"], "changes": list(changes), "root": after["root"], "totals": after["totals"]}
    try:
        result, made = apply(changes, before["bytes"], before["buckets"], after["root"], after["totals"])
    except Refused as refused:
        assert str(refused) == refusal, (name, str(refused))
        return {**v, "refusal": refusal}
    assert refusal is None and result == after["bytes"], name
    return {**v, "after": result, "made": made}


def days(first, second=(CODES, 20001, [code(2)], SEEDS[1]), third=(DOMAINS, 20000, [domain("a.example"), domain("c.example")], SEEDS[2]), extra=()):
    return content(*[x for x in (first, second, third) if x], *extra)


MORE = days((CODES, 20000, [code(1), code(5), code(7), code(9)], SEEDS[3]))
LESS = days((CODES, 20000, [code(1), code(9)], SEEDS[3]))
ADD, RETRACT = edit(0, SEEDS[3], [], [code(7)]), edit(0, SEEDS[3], [1], [])
LATER = days((CODES, 20000, [code(5), code(7), code(8), code(9)], SEEDS[4]))
OTHER = bucket(CODES, 20000, [code(3), code(4)], SEEDS[5])
good = [
    vector("one sighting more", MORE, change([ADD])),
    vector("one sighting less", LESS, change([RETRACT])),
    vector("another value", days((CODES, 20000, [code(1), code(5)[:8] + b"\0\2\x09", code(9)], SEEDS[3])), change([edit(0, SEEDS[3], [1], [code(5)[:8] + b"\0\2\x09"])])),
    vector("keys with a length", days((CODES, 20000, [code(1), code(5), code(9)], SEEDS[0]), third=(DOMAINS, 20000, [domain("b.example"), domain("c.example")], SEEDS[3])), change([edit(2, SEEDS[3], [0], [domain("b.example")])])),
    vector("a day gone", days((CODES, 20000, [code(1), code(5), code(9)], SEEDS[0]), second=None), change([remove(1)])),
    vector("a new day", content((CODES, 20000, [code(1), code(5), code(9)], SEEDS[0]), (CODES, 20001, [code(2)], SEEDS[1]), (CODES, 20002, [code(3)], SEEDS[3]), (DOMAINS, 20000, [domain("a.example"), domain("c.example")], SEEDS[2])), change([new(CODES, 20002, SEEDS[3], [code(3)])])),
    vector("a new stream", content((CODES, 20000, [code(1)], SEEDS[0]), (DOMAINS, 20000, [domain("a.example")], SEEDS[3])), change([new(DOMAINS, 20000, SEEDS[3], [domain("a.example")])], [DOMAINS]), before=content((CODES, 20000, [code(1)], SEEDS[0]))),
    vector("a bucket that is to be asked for", days((CODES, 20000, [code(3), code(4)], SEEDS[5])), change([u8(3) + entry_bytes(OTHER[0])])),
    vector("two changes", LATER, change([ADD]), change([edit(0, SEEDS[4], [0], [code(8)])])),
    vector("from nothing", content((CODES, 20000, [code(1)], SEEDS[0])), change([new(CODES, 20000, SEEDS[0], [code(1)])], [CODES]), before=content()),
]
bad = [
    vector("another seed", MORE, change([edit(0, SEEDS[4], [], [code(7)])]), refusal="wrong-root"),
    vector("another record", MORE, change([edit(0, SEEDS[3], [], [code(8)])]), refusal="wrong-root"),
    vector("another position", LESS, change([edit(0, SEEDS[3], [2], [])]), refusal="wrong-root"),
    vector("a change too few", LATER, change([ADD]), refusal="wrong-root"),
    vector("no such place", MORE, change([edit(3, SEEDS[3], [], [code(7)])]), refusal="invalid:index"),
    vector("no such position", LESS, change([edit(0, SEEDS[3], [3], [])]), refusal="invalid:index"),
    vector("positions that do not ascend", LESS, change([edit(0, SEEDS[3], [1, 1], [])]), refusal="out-of-order"),
    vector("records that do not ascend", MORE, change([edit(0, SEEDS[3], [], [code(8), code(7)])]), refusal="out-of-order"),
    vector("no such form", MORE, change([u8(5) + u32(0)]), refusal="invalid:kind"),
    vector("a stream without descriptor", MORE, change([new({**CODES, "kind": 9}, 20000, SEEDS[3], [code(7)])]), refusal="invalid:descriptor"),
    vector("a byte too many", MORE, change([ADD]) + b"\0", refusal="trailing"),
    vector("a byte too few", MORE, change([ADD])[:-1], refusal="truncated"),
]
write("replication", "changes", "replication.md §4.3: a manifest and its buckets, changes, and the root and totals (entries, sightings, bytes) of the head they are to lead to; `made`: the buckets that come of it.",
      good=good, bad=bad)

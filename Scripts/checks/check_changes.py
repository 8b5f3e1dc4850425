"""Checks Protocol/vectors/replication/changes.json: a model of replication.md §4.3, written from the text."""

import json

from check_ledger import Tally, refusal
from ledger_model import LAST_DAY, MAX_SIGHTINGS, Reader, Refused, bucket_root, check_manifest, manifest_parts, place, read_descriptor, read_entry, require, split_bucket, stream

h = bytes.fromhex


def entry_bytes(e):
    head = e["kind"].to_bytes(2, "big") + e["schema_version"].to_bytes(2, "big") + e["day"].to_bytes(4, "big") + bytes([e["shard_bits"], e["flags"]])
    return head + e["shard"].to_bytes(2, "big") + e["count"].to_bytes(4, "big") + e["bytes"].to_bytes(4, "big") + h(e["root"])


def descriptor_bytes(d):
    head = d["kind"].to_bytes(2, "big") + d["schema_version"].to_bytes(2, "big") + bytes([d["key_length"], d["value_length"], d["day_span"]])
    return head + d["retention_days"].to_bytes(2, "big") + d["flags"].to_bytes(2, "big") + h(d["shard_key"])


def read_records(r, d):
    records = []
    for _ in range(r.count(2, MAX_SIGHTINGS, 1)):
        length = b"" if d["key_length"] else r.take(1)
        key = r.take(length[0] if length else d["key_length"])
        require(not records or records[-1][0] < key, "out-of-order")
        value = r.take(d["value_length"])
        records.append((key, value, length + key + value))
    return records


def read_change(data, entries, known):
    require(len(data) <= 65536, "over-limit:size")
    r = Reader(data)
    descriptors = [read_descriptor(r) for _ in range(r.count(1, 255, 27))]
    described = {**known, **{stream(d): d for d in descriptors}}

    def described_as(key):
        require(key in described, "invalid:descriptor")
        return described[key]

    def read_place():
        at = r.number(4)
        require(at < len(entries), "invalid:index")
        return at

    steps = []
    for _ in range(r.count(2, 256, 5)):
        form = r.number(1)
        require(1 <= form <= 4, "invalid:kind")
        if form == 1:
            at, seed = read_place(), r.take(32)
            gone = [r.number(2) for _ in range(r.count(2, MAX_SIGHTINGS, 2))]
            require(all(a < b for a, b in zip(gone, gone[1:])), "out-of-order")
            steps.append(("edit", at, seed, gone, read_records(r, described_as(stream(entries[at])))))
        elif form == 2:
            steps.append(("remove", read_place()))
        elif form == 3:
            steps.append(("entry", read_entry(r)))
        else:
            e = {"kind": r.number(2), "schema_version": r.number(2), "day": r.number(4)}
            require(e["day"] <= LAST_DAY, "invalid:day")
            e |= {"shard_bits": r.number(1), "flags": r.number(1), "shard": r.number(2), "count": 0, "bytes": 0, "root": "00" * 32}
            require(e["shard_bits"] <= 16 and e["shard"] < 1 << e["shard_bits"], "invalid:shard")
            steps.append(("new", e, r.take(32), read_records(r, described_as(stream(e)))))
    r.finish()
    return descriptors, steps


def apply(changes, before, buckets, head_root, totals):
    """The manifest that the changes lead to, and the buckets made on the way, in the order of the manifest."""
    descriptors, entries = manifest_parts(before)
    known, items = {stream(d): d for d in descriptors}, [[e, None] for e in entries]
    for data in changes:
        new, steps = read_change(data, [e for e, _ in items], known)
        gone, added = set(), []
        for step in steps:
            if step[0] == "edit":
                _, at, seed, deleted, records = step
                e, content = items[at]
                if content is None:
                    content = (None, split_bucket(buckets[e["root"]], known[stream(e)], e["count"]))
                require(not deleted or deleted[-1] < len(content[1]), "invalid:index")
                kept = [x for i, x in enumerate(content[1]) if i not in deleted]
                items[at][1] = (seed, sorted(kept + records, key=lambda x: x[0]))
            elif step[0] == "remove":
                gone.add(step[1])
            elif step[0] == "entry":
                gone |= {i for i, (e, _) in enumerate(items) if place(e) == place(step[1])}
                added.append([step[1], None])
            else:
                added.append([step[1], (step[2], step[3])])
        known |= {stream(d): d for d in new}
        items = sorted([x for i, x in enumerate(items) if i not in gone] + added, key=lambda x: place(x[0]))
    made = []
    for item in items:
        if item[1] is not None:
            seed, records = item[1]
            data = seed + b"".join(x[2] for x in records)
            item[0] = {**item[0], "count": len(records), "bytes": len(data), "root": bucket_root(data, records).hex()}
            made.append(data)
    after = len(known).to_bytes(2, "big") + len(items).to_bytes(4, "big")
    after += b"".join(descriptor_bytes(known[k]) for k in sorted(known)) + b"".join(entry_bytes(e) for e, _ in items)
    check_manifest(after, head_root, totals)
    return after, made


def run(vectors_dir):
    path = vectors_dir / "replication" / "changes.json"
    t, file = Tally("replication/changes"), json.loads(path.read_text())
    for v in file["good"] + file["bad"]:
        buckets = {root: h(data) for root, data in v["buckets"].items()}

        def applied():
            return apply([h(c) for c in v["changes"]], h(v["before"]), buckets, h(v["root"]), v["totals"])

        found = refusal(applied)
        t.expect(found == v.get("refusal"), f"{v['name']}: {found}")
        if "after" in v:
            after, made = applied()
            t.expect(after.hex() == v["after"] and [x.hex() for x in made] == v["made"], v["name"] + " (content)")
    print(f"replication/changes.json: {t.passed} passed, {t.failed} failed")
    return t.passed, t.failed

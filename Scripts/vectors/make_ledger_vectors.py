#!/usr/bin/env python3
"""Writes Protocol/vectors/ledger: trees, descriptors, entries, manifests, buckets, histories, sightings."""

from common import H, fixed, u8, u16, u32, write
from ledger_model import (Reader, Refused, bucket_root, check_bucket, check_manifest, history_root, manifest_parts, manifest_root, read_descriptor, read_entry,
                          read_sighting, shard_of, split_bucket)
from primitives_model import HISTORY, chacha20, consistency, inclusion, leaf, node, root

LAST_DAY = 2932896
SHARD_KEY = fixed("shard key", 16)


def numbered(count):
    return [leaf(HISTORY, u32(i)) for i in range(count)]


def merkle():
    roots = [{"count": n, "root": root(numbered(n))} for n in list(range(18)) + [31, 32, 33, 1000, 4096, 8191, 8192]]
    inclusions, consistencies = [], []

    def include(index, leaves):
        inclusions.append({"index": index, "count": len(leaves), "proof": inclusion(index, leaves)})

    def prove(old, leaves):
        consistencies.append({"old": old, "count": len(leaves), "proof": consistency(old, leaves)})

    for n in range(1, 18):
        for i in range(n):
            include(i, numbered(n))
            prove(i + 1, numbered(n))
    thousand, full = numbered(1000), numbered(8192)
    for i in (0, 511, 512, 999):
        include(i, thousand)
    for i in (0, 4095, 8191):
        include(i, full)
    for old in (1, 512, 513, 999, 1000):
        prove(old, thousand)
    for old in (4096, 4097):
        prove(old, full)
    seven, proof = numbered(7), inclusion(4, numbered(7))
    flipped = [bytes([proof[0][0] ^ 1]) + proof[0][1:]] + proof[1:]

    def bad_inclusion(name, index, count, proof, leaf_index=4):
        return {"name": name, "index": index, "count": count, "leaf_index": leaf_index, "root_count": 7, "proof": proof}

    bad_inclusions = [
        bad_inclusion("flipped", 4, 7, flipped), bad_inclusion("one hash short", 4, 7, proof[:-1]), bad_inclusion("one hash more", 4, 7, proof + [bytes(32)]),
        bad_inclusion("swapped", 4, 7, [proof[1], proof[0]] + proof[2:]), bad_inclusion("other index", 5, 7, proof), bad_inclusion("index at the count", 7, 7, proof),
        bad_inclusion("other leaf", 4, 7, proof, 3), bad_inclusion("empty", 4, 7, []), bad_inclusion("of no leaves", 0, 0, []),
        bad_inclusion("smaller tree", 4, 5, proof),
    ]
    old = consistency(3, seven)

    def bad_consistency(name, old, count, proof, old_root=3, new_root=7):
        return {"name": name, "old": old, "count": count, "old_root_count": old_root, "new_root_count": new_root, "proof": proof}

    bad_consistencies = [
        bad_consistency("flipped", 3, 7, [bytes([old[0][0] ^ 1]) + old[0][1:]] + old[1:]), bad_consistency("one hash short", 3, 7, old[:-1]),
        bad_consistency("one hash more", 3, 7, old + [bytes(32)]), bad_consistency("empty", 3, 7, []), bad_consistency("old root of another", 3, 7, old, 2),
        bad_consistency("new root of another", 3, 7, old, 3, 6), bad_consistency("from nothing", 0, 7, [], 0), bad_consistency("backwards", 7, 3, old, 7, 3),
        bad_consistency("same size, other root", 7, 7, [], 6), bad_consistency("same size, with a proof", 7, 7, [bytes(32)], 7),
        bad_consistency("old count wrong", 4, 7, old, 3),
    ]
    # A sibling hash offered as a leaf: T and the first byte keep the levels apart.
    assert node(seven[0], seven[1]) != leaf(HISTORY, seven[0] + seven[1])
    write("ledger", "merkle", "ledger.md §2: leaf i is the leaf hash (T = 3) of i as u32; roots are those of the first `count` leaves.", roots=roots,
          inclusion=inclusions, consistency=consistencies, bad_inclusion=bad_inclusions, bad_consistency=bad_consistencies)
    certificate, heads = H(b"certificate"), [H(b"head" + u8(i)) for i in range(1, 40)]
    write("ledger", "history", "ledger.md §6: the history root that head number `sequence` carries.", certificate=certificate, heads=heads,
          good=[{"sequence": s, "root": history_root([certificate] + heads[: s - 1])} for s in range(1, 41)])


def descriptor(kind=1, version=1, key=8, value=3, span=1, retention=90, flags=0, shard_key=SHARD_KEY):
    return u16(kind) + u16(version) + u8(key) + u8(value) + u8(span) + u16(retention) + u16(flags) + shard_key


def entry(kind=1, version=1, day=20_000, bits=0, shard=0, count=1, size=43, root=None, flags=0):
    return u16(kind) + u16(version) + u32(day) + u8(bits) + u8(flags) + u16(shard) + u32(count) + u32(size) + (root or fixed("a root"))


def refusal(action):
    try:
        action()
    except Refused as refused:
        return str(refused)
    return None


def layouts():
    def whole(read, data):
        r = Reader(data)
        fields = read(r)
        r.finish()
        return fields

    def text(fields):
        return {k: str(v) for k, v in fields.items()}

    good = [descriptor(), descriptor(2, 1, 0, 6), descriptor(65535, 65535, 253, 64, 255, 65535, 65535), descriptor(0, 0, 1, 0)]
    bad = [("key of 254 bytes", "invalid:descriptor", descriptor(key=254)), ("value of 65 bytes", "invalid:descriptor", descriptor(value=65)),
           ("day span 0", "invalid:descriptor", descriptor(span=0)), ("retention 0", "invalid:descriptor", descriptor(retention=0)),
           ("26 bytes", "truncated", descriptor()[:-1]), ("28 bytes", "trailing", descriptor() + b"\0"), ("empty", "truncated", b"")]
    for name, why, data in bad:
        assert refusal(lambda: whole(read_descriptor, data)) == why, name
    write("ledger", "descriptors", "ledger.md §3: stream descriptors. Numbers are decimal text.",
          good=[{"bytes": d, "fields": text(whole(read_descriptor, d))} for d in good], bad=[{"name": n, "refusal": r, "bytes": d} for n, r, d in bad])
    good = [entry(), entry(day=0), entry(day=LAST_DAY), entry(bits=16, shard=65535, flags=255), entry(count=8192, size=32 + 8192 * 318), entry(size=0)]
    bad = [("day of the year 10000", "invalid:day", entry(day=LAST_DAY + 1)), ("17 shard bits", "invalid:shard", entry(bits=17)),
           ("shard 1 of 1", "invalid:shard", entry(shard=1)), ("shard 4 of 4", "invalid:shard", entry(bits=2, shard=4)), ("no sightings", "invalid:count", entry(count=0)),
           ("8,193 sightings", "over-limit:count", entry(count=8193)), ("bytes over the limit", "over-limit:size", entry(size=32 + 8192 * 318 + 1)),
           ("51 bytes", "truncated", entry()[:-1]), ("53 bytes", "trailing", entry() + b"\0")]
    for name, why, data in bad:
        assert refusal(lambda: whole(read_entry, data)) == why, name
    write("ledger", "entries", "ledger.md §4: bucket entries. Numbers are decimal text.",
          good=[{"bytes": e, "fields": text(whole(read_entry, e))} for e in good], bad=[{"name": n, "refusal": r, "bytes": d} for n, r, d in bad])


def manifests():
    def make(descriptors, entries):
        return u16(len(descriptors)) + u32(len(entries)) + b"".join(descriptors) + b"".join(entries)

    two = [descriptor(), descriptor(2, 1, 0, 6)]
    a, b, c = entry(day=20_000), entry(day=20_001, count=2, size=54), entry(2, 1, 20_000, count=1, size=32 + 1 + 11 + 6)
    shards = [entry(bits=2, shard=s) for s in (0, 1, 3)]

    def totals_of(data):
        _, entries = manifest_parts(data)
        return [len(entries), sum(e["count"] for e in entries), sum(e["bytes"] for e in entries)]

    good = []
    for name, data in [("empty", make([], [])), ("descriptors only", make(two, [])), ("three entries", make(two, [a, b, c])), ("sharded day", make(two, shards)),
                       ("unknown stream", make([descriptor(77, 5, 32, 1)], [entry(77, 5, size=65)])), ("weeks", make([descriptor(span=7)], [entry(day=19_999)]))]:
        head_root = manifest_root(data, int.from_bytes(data[:2], "big"), int.from_bytes(data[2:6], "big"))
        check_manifest(data, head_root, totals_of(data))
        good.append({"name": name, "bytes": data, "root": head_root, "totals": totals_of(data)})
    bad = []

    def refuse(name, why, data, head_root=None, totals=None):
        n, m = int.from_bytes(data[:2], "big"), int.from_bytes(data[2:6], "big")
        fits = len(data) >= 6 + 27 * n + 52 * m
        head_root = head_root or (manifest_root(data, n, m) if fits else bytes(32))
        totals = totals or [m, sum(int.from_bytes(data[6 + 27 * n + 52 * i + 12 :][:4], "big") for i in range(m)) if fits else 0,
                            sum(int.from_bytes(data[6 + 27 * n + 52 * i + 16 :][:4], "big") for i in range(m)) if fits else 0]
        assert refusal(lambda: check_manifest(data, head_root, totals)) == why, (name, refusal(lambda: check_manifest(data, head_root, totals)))
        bad.append({"name": name, "refusal": why, "bytes": data, "root": head_root, "totals": totals})

    plain = make(two, [a, b, c])
    refuse("descriptors out of order", "out-of-order", make(two[::-1], [a]))
    refuse("descriptor twice", "out-of-order", make([two[0], two[0]], [a]))
    refuse("entries out of order", "out-of-order", make(two, [b, a]))
    refuse("entry twice", "out-of-order", make(two, [a, a]))
    refuse("one shard twice with other bits", "out-of-order", make(two, [entry(bits=0), entry(bits=1)]))
    refuse("streams of entries out of order", "out-of-order", make(two, [c, a]))
    refuse("mixed shard bits", "rule:mixed-shard-bits", make(two, [entry(bits=1), entry(bits=2, shard=1)]))
    refuse("entry without descriptor", "rule:entry-without-descriptor", make(two[:1], [a, c]))
    refuse("entry between descriptors", "rule:entry-without-descriptor", make(two, [entry(1, 2)]))
    refuse("too few bytes", "rule:impossible-byte-count", make(two, [entry(size=42)]))
    refuse("too many bytes", "rule:impossible-byte-count", make(two, [entry(size=44)]))
    refuse("too few bytes, keys with lengths", "rule:impossible-byte-count", make(two, [entry(2, 1, size=32 + 7)]))
    refuse("too many bytes, keys with lengths", "rule:impossible-byte-count", make(two, [entry(2, 1, size=32 + 254 + 7)]))
    refuse("day between weeks", "rule:day-between-spans", make([descriptor(span=7)], [entry(day=20_000)]))
    refuse("entry count of the head", "rule:totals", plain, totals=[4, 4, 43 + 54 + 50])
    refuse("sighting count of the head", "rule:totals", plain, totals=[3, 5, 43 + 54 + 50])
    refuse("data bytes of the head", "rule:totals", plain, totals=[3, 4, 43 + 54 + 51])
    refuse("root of another", "wrong-root", plain, head_root=fixed("another"))
    refuse("entry flag changed", "wrong-root", make(two, [entry(flags=1), b, c]), head_root=manifest_root(plain, 2, 3))
    refuse("one byte short", "truncated", plain[:-1])
    refuse("header cut", "truncated", plain[:5])
    refuse("empty bytes", "truncated", b"")
    refuse("one byte more", "trailing", plain + b"\0")
    refuse("257 streams", "over-limit:count", u16(257) + u32(0) + bytes(27 * 257))
    refuse("262,145 entries", "over-limit:count", u16(0) + u32(262_145))
    refuse("counts without content", "truncated", u16(256) + u32(262_144))
    refuse("forbidden descriptor", "invalid:descriptor", make([descriptor(span=0)], []))
    refuse("forbidden entry", "invalid:shard", make(two, [entry(shard=1)]))
    write("ledger", "manifests", "ledger.md §4: manifests; `totals` are entry count, sighting count and data bytes of the head, `root` its manifest root.",
          good=good, bad=bad)


def buckets():
    fixed_keys, named = descriptor(), descriptor(2, 1, 0, 6)
    d1, d2 = (read_descriptor(Reader(d)) for d in (fixed_keys, named))

    def simhash(n):
        return sorted({fixed(f"simhash/{i}", 8) for i in range(n)})

    def lay(keys, d, value, seed):
        return seed + b"".join((u8(len(k)) if d["key_length"] == 0 else b"") + k + value for k in keys)

    def make(keys, d, value, label, bits=0, shard=0, count=None, data=None, salt_order=1):
        data = data or lay(keys, d, value, fixed("seed/" + label))
        count = count or len(keys)
        records = split_bucket(data, d, count)
        if salt_order == 1 and records is not None:
            r = bucket_root(data, records)
        else:
            salts = chacha20(data[:32], 16 * len(keys))
            salts = [salts[16 * i : 16 * i + 16] for i in range(len(keys))][::-1]
            r = root([leaf(1, s + k + value) for s, k in zip(salts, keys)])
        return data, entry(d["kind"], d["schema_version"], bits=bits, shard=shard, count=count, size=len(data), root=r)

    v1, v2 = u16(2) + u8(9), u32(17) + u16(3)
    domains = sorted(b"%s.example" % w.encode() for w in "a bank clinic council-of-elders library post university zoo".split())
    cases = [("one record, fixed key", simhash(1), fixed_keys, v1), ("two records", simhash(2), fixed_keys, v1), ("300 records", simhash(300), fixed_keys, v1),
             ("one record, key with a length", domains[:1], named, v2), ("eight domains", domains, named, v2),
             ("longest and shortest key", sorted([b"a" * 253, b"a"]), descriptor(9, 1, 0, 64), bytes(64)), ("no value", simhash(3), descriptor(9, 2, 8, 0), b"")]
    good = []

    def take(name, descriptor_bytes, data, e):
        d = read_descriptor(Reader(descriptor_bytes))
        records = check_bucket(data, read_entry(Reader(e)), d)
        good.append({"name": name, "descriptor": descriptor_bytes, "entry": e, "bytes": data, "records": [[k, v] for k, v, _ in records]})

    for name, keys, descriptor_bytes, value in cases:
        take(name, descriptor_bytes, *make(keys, read_descriptor(Reader(descriptor_bytes)), value, name))
    for shard in range(4):
        keys = [k for k in simhash(40) if shard_of(d1, k, 2) == shard]
        take(f"shard {shard} of 4", fixed_keys, *make(keys, d1, v1, f"shard {shard}", bits=2, shard=shard))
    bad = []

    def refuse(name, why, descriptor_bytes, made):
        data, e = made
        d, parsed = read_descriptor(Reader(descriptor_bytes)), read_entry(Reader(e))
        found = refusal(lambda: check_bucket(data, parsed, d))
        assert found == why, (name, found)
        bad.append({"name": name, "refusal": why, "descriptor": descriptor_bytes, "entry": e, "bytes": data})

    keys = simhash(5)
    data, e = make(keys, d1, v1, "bad")
    refuse("one byte more", "byte-count", fixed_keys, (data + b"\0", e))
    refuse("one byte short", "byte-count", fixed_keys, (data[:-1], e))
    refuse("empty", "byte-count", fixed_keys, (b"", e))
    longer = data + b"\0"
    refuse("one byte more, and so says the entry", "wrong-root", fixed_keys, (longer, e[:16] + u32(len(longer)) + e[20:]))
    refuse("one record less than the entry says", "wrong-root", fixed_keys, (data, e[:12] + u32(6) + e[16:]))
    refuse("one record more than the entry says", "wrong-root", fixed_keys, (data, e[:12] + u32(4) + e[16:]))
    refuse("seed only", "wrong-root", fixed_keys, (data[:32], e[:16] + u32(32) + e[20:]))
    refuse("shorter than a seed", "byte-count", fixed_keys, (data[:31], e[:16] + u32(31) + e[20:]))
    for place, what in ((0, "seed"), (33, "key"), (41, "value"), (len(data) - 1, "last byte")):
        refuse(f"{what} flipped", "wrong-root", fixed_keys, (data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :], e))
    refuse("other root", "wrong-root", fixed_keys, (data, e[:20] + fixed("another")))
    refuse("salts in another order", "wrong-root", fixed_keys, make(keys, d1, v1, "bad", salt_order=-1))
    refuse("records swapped, root of the right order", "wrong-root", fixed_keys, (data[:32] + data[43:54] + data[32:43] + data[54:], e))
    refuse("not in order", "rule:order", fixed_keys, make([keys[1], keys[0]] + keys[2:], d1, v1, "bad"))
    refuse("one key twice", "rule:order", fixed_keys, make([keys[0], keys[0]] + keys[1:], d1, v1, "bad"))
    refuse("last two not in order", "rule:order", fixed_keys, make(keys[:3] + [keys[4], keys[3]], d1, v1, "bad"))
    refuse("a key and its beginning not in order", "rule:order", named, make([b"a.bc", b"a.b"], d2, v2, "bad"))
    wrong = [k for k in simhash(40) if shard_of(d1, k, 2) == 1]
    refuse("keys of another shard", "rule:shard", fixed_keys, make(wrong, d1, v1, "bad", bits=2, shard=2))
    mixed = sorted([k for k in simhash(40) if shard_of(d1, k, 2) == 2] + wrong[-1:])
    refuse("one key of another shard", "rule:shard", fixed_keys, make(mixed, d1, v1, "bad", bits=2, shard=2))
    refuse("empty key", "rule:key-length", named, make([b"", b"a.b"], d2, v2, "bad"))
    refuse("key of 254 bytes", "rule:key-length", named, make([b"a" * 254], d2, v2, "bad"))
    refuse("key of 255 bytes", "rule:key-length", named, make([b"a" * 255], d2, v2, "bad"))
    cut = lay(domains[:2], d2, v2, fixed("seed/bad"))
    cut = cut[:32] + u8(cut[32] + 1) + cut[33:]
    refuse("a length that leads past the end", "wrong-root", named, (cut, entry(2, 1, count=2, size=len(cut))))
    write("ledger", "buckets", "ledger.md §5: buckets with the entry and the descriptor they are checked against.", good=good, bad=bad)


def sightings():
    good = [(1, "0123456789abcdef", "000109"), (1, "ffffffffffffffff", "ffffff"), (1, "0000000000000001", "000100"),
            (2, b"example.org".hex(), "000000110003"), (2, b"xn--zrich-kva.example".hex(), "ffffffffffff"), (2, b"a.b".hex(), "000000000000")]
    bad = [("SimHash 0", 1, "0000000000000000", "000109"), ("no session", 1, "0123456789abcdef", "000009"), ("short key", 1, "0123456789abcd", "000109"),
           ("long value", 1, "0123456789abcdef", "00010900"), ("short value", 1, "0123456789abcdef", "0001"), ("one label", 2, b"localhost".hex(), "000000110003"),
           ("upper case", 2, b"Example.org".hex(), "000000110003"), ("an address", 2, b"192.0.2.1".hex(), "000000110003"),
           ("a mailbox", 2, b"info@example.org".hex(), "000000110003"), ("trailing dot", 2, b"example.org.".hex(), "000000110003"),
           ("not an A-label", 2, "zürich.example".encode().hex(), "000000110003"), ("short value", 2, b"example.org".hex(), "0000001100"),
           ("long value", 2, b"example.org".hex(), "00000011000300")]
    for kind, key, value in good:
        assert read_sighting(kind, 1, bytes.fromhex(key), bytes.fromhex(value)), key
    for name, kind, key, value in bad:
        assert read_sighting(kind, 1, bytes.fromhex(key), bytes.fromhex(value)) is None, name
    write("ledger", "sightings", "ledger.md §7: records of the known streams. Numbers are decimal text.",
          good=[{"kind": k, "key": a, "value": b, "fields": {n: str(v) for n, v in read_sighting(k, 1, bytes.fromhex(a), bytes.fromhex(b)).items()}}
                for k, a, b in good], bad=[{"name": n, "kind": k, "key": a, "value": b} for n, k, a, b in bad])


merkle()
layouts()
manifests()
buckets()
sightings()

#!/usr/bin/env python3
"""Writes Protocol/vectors/proofs/bundles.json."""

from common import H, Key, fixed, u8, u16, u32, u64, write
from ledger_model import chacha20, leaf, root
from primitives_model import BUCKET, MANIFEST
from proof_model import check_bundle, refusal_of, selection

DAY = 86_400_000
T0 = 20_000 * DAY
mesh_root, alice, bob, online, online_bob, stranger = (Key(n) for n in ("mesh", "alice", "bob", "online", "online bob", "stranger"))
MESH = H(mesh_root.public)


def seal(number, kind, body, key):
    signed = u16(number) + u16(1) + body
    return signed + key.sign("hearsay/v1/" + kind, signed)


def membership(member, sponsor, name, mesh=MESH, key=None):
    body = mesh + member.public + u8(len(name)) + name.encode() + sponsor.public + u64(T0 - DAY) + u64(T0 + 365 * DAY)
    return seal(1, "membership", body, key or sponsor)


def certificate(by, signing, generation=1, key=None, start=T0):
    body = by.public + u32(generation) + signing.public + u64(start) + u64(start + 365 * DAY) + u32(0) + u64(0) + bytes(32) + u8(1)
    return seal(3, "generation", body, key or by)


def descriptor(kind, version, key_length, value_length):
    return u16(kind) + u16(version) + u8(key_length) + u8(value_length) + u8(1) + u16(90) + u16(0) + fixed("shard key", 16)


SIMHASH, TARGET = descriptor(1, 2, 8, 3), descriptor(2, 1, 0, 6)


class Bucket:
    def __init__(self, of, day, records, shard_bits=0, shard=0):
        self.records, self.seed = records, fixed(f"bundle seed {day} {of.hex()}")
        salts = chacha20(self.seed, 16 * len(records))
        self.salts = [salts[16 * i : 16 * i + 16] for i in range(len(records))]
        self.leaves = [leaf(BUCKET, salt + record) for salt, record in zip(self.salts, records)]
        size = 32 + sum(map(len, records))
        self.entry = of[:4] + u32(day) + u8(shard_bits) + u8(0) + u16(shard) + u32(len(records)) + u32(size) + root(self.leaves)

    def shown(self, places, salts=None):
        salts = salts or self.salts
        hashes = selection(places, self.leaves)
        return u16(len(places)) + b"".join(u16(i) + salts[i] + self.records[i] for i in places) + u16(len(hashes)) + b"".join(hashes)


def codes(label, count):
    return [code + u16(1 + i) + u8(2) for i, code in enumerate(sorted(fixed(f"code {label} {i}", 8) for i in range(count)))]


def domains(*names):
    return [u8(len(n)) + n.encode() + u32(3) + u16(2) for n in sorted(names)]


class Operator:
    def __init__(self, key, signing, buckets, sequence=41):
        self.key, self.signing, self.buckets = key, signing, sorted(buckets, key=lambda b: b.entry[:12])
        self.descriptors = [SIMHASH, TARGET]
        self.leaves = [leaf(MANIFEST, x) for x in self.descriptors + [b.entry for b in self.buckets]]
        self.sequence = sequence

    def head(self, key=None, origin=None, generation=1):
        totals = u32(len(self.buckets)) + u64(sum(len(b.records) for b in self.buckets)) + u64(sum(int.from_bytes(b.entry[16:20], "big") for b in self.buckets))
        body = (origin or self.key).public + u32(generation) + u64(self.sequence) + u64(T0 + self.sequence) + u32(86_400) + root(self.leaves) + totals
        return seal(6, "head", body + fixed("history") + u16(0), key or self.signing)

    def testimony(self, shown, certificate_=None, head=None, descriptors=None, hashes=None, order=None, **tamper):
        places = order or sorted(shown)
        streams = {self.buckets[i].entry[:4] for i in places}
        kept = descriptors or [i for i, d in enumerate(self.descriptors) if d[:4] in streams]
        path = hashes if hashes is not None else selection(sorted(kept + [2 + i for i in places]), self.leaves)
        out = b""
        for statement in (certificate_ or certificate(self.key, self.signing), head or self.head()):
            out += u16(len(statement)) + statement
        out += u16(len(self.descriptors)) + u16(len(kept)) + b"".join(u16(i) + self.descriptors[i] for i in kept) + u16(len(places))
        for i in places:
            bucket = self.buckets[i]
            out += u32(i) + tamper.get("entry", bucket.entry) + bucket.shown(shown[i], tamper.get("salts"))
        return out + u16(len(path)) + b"".join(path)


def bundle(testimonies, memberships=(), structure=32, version=1, tail=b"", check_sum=None):
    out = u16(structure) + u16(version) + u16(len(memberships)) + b"".join(u16(len(m)) + m for m in memberships)
    out += u16(len(testimonies)) + b"".join(testimonies)
    return out + (check_sum or H(b"hearsay/v1/bundle" + out)) + tail


ann = Operator(alice, online, [
    Bucket(SIMHASH, 19_998, codes("a", 5)), Bucket(SIMHASH, 19_999, codes("b", 3)), Bucket(SIMHASH, 20_000, codes("c", 1)),
    Bucket(TARGET, 19_999, domains("victim.example", "other.example", "third.example")),
])
ben = Operator(bob, online_bob, [Bucket(TARGET, 19_998, domains("victim.example", "elsewhere.example"))], sequence=7)
one = Operator(stranger, online, [Bucket(SIMHASH, 20_000, codes("d", 1))], sequence=1)
certificates = sorted([membership(alice, mesh_root, "Ann"), membership(bob, alice, "Ben")], key=lambda m: m[36:68])
first = {1: [1]}


def by_key(*operators):
    return [t for _, t in sorted(operators, key=lambda x: x[0].public)]


both = by_key((alice, ann.testimony({1: [0, 2], 3: [2]})), (bob, ben.testimony({0: [1]})))
good = {
    "one sighting": bundle([ann.testimony(first)]),
    "one sighting of a member": bundle([ann.testimony(first)], [certificates[0] if certificates[0][36:68] == alice.public else certificates[1]]),
    "several of two members, one the sponsor of the other": bundle(both, certificates),
    "the only sighting there is": bundle([one.testimony({0: [0]})]),
    "a whole bucket, and one of every other": bundle([ann.testimony({0: [0, 1, 2, 3, 4], 1: [2], 2: [0], 3: [0]})]),
}
whole = ann.testimony(first)
bad = [
    ("wrong structure", "wrong-structure", bundle([whole], structure=7)),
    ("later version", "unsupported-version", bundle([whole], version=2)),
    ("trailing byte", "trailing", bundle([whole], tail=b"\0")),
    ("nothing shown", "invalid:count", bundle([])),
    ("check sum of something else", "damaged", bundle([whole], check_sum=bytes(32))),
    ("operators out of order", "not-canonical", bundle(list(reversed(both)), certificates)),
    ("an operator twice", "not-canonical", bundle([whole, whole])),
    ("certificate that nothing needs", "not-canonical", bundle([whole], certificates)),
    ("certificates out of order", "not-canonical", bundle(both, list(reversed(certificates)))),
    ("chain that ends before the root", "broken-chain", bundle([ben.testimony({0: [1]})], [membership(bob, alice, "Ben")])),
    ("chain into another mesh", "broken-chain", bundle(both, sorted([membership(alice, mesh_root, "Ann"), membership(bob, alice, "Ben", mesh=fixed("mesh"))], key=lambda m: m[36:68]))),
    ("membership signed by another", "forged:membership", bundle([whole], [membership(alice, mesh_root, "Ann", key=stranger)])),
    ("generation signed by another", "forged:generation", bundle([ann.testimony(first, certificate_=certificate(alice, online, key=stranger))])),
    ("head signed by another", "forged:head", bundle([ann.testimony(first, head=ann.head(key=stranger))])),
    ("head of another operator", "foreign-head", bundle([ann.testimony(first, head=ann.head(origin=bob))])),
    ("head of another generation", "foreign-head", bundle([ann.testimony(first, head=ann.head(generation=2))])),
    ("key certified for a later time", "outside-validity", bundle([ann.testimony(first, certificate_=certificate(alice, online, start=T0 + DAY))])),
    ("key certified for an earlier time", "outside-validity", bundle([ann.testimony(first, certificate_=certificate(alice, online, start=T0 - 366 * DAY))])),
    ("another bucket's entry", "not-in-bucket", bundle([ann.testimony(first, entry=ann.buckets[0].entry)])),
    ("salt of another sighting", "not-in-bucket", bundle([ann.testimony(first, salts=[fixed("salt", 16)] * 3)])),
    ("path too short", "not-in-manifest", bundle([ann.testimony(first, hashes=[])])),
    ("path too long", "not-in-manifest", bundle([ann.testimony(first, hashes=[fixed("hash")] * 9)])),
    ("buckets out of order", "out-of-order", bundle([ann.testimony({0: [0], 1: [0]}, order=[1, 0])])),
    ("descriptor that no bucket needs", "invalid:descriptor", bundle([ann.testimony(first, descriptors=[0, 1])])),
    ("bucket without a descriptor", "invalid:descriptor", bundle([ann.testimony(first, descriptors=[1])])),
]
for name, data in good.items():
    assert refusal_of(data) is None, (name, refusal_of(data))
for name, wanted, data in bad:
    assert refusal_of(data) == wanted, (name, refusal_of(data))
write(
    "proofs", "bundles", "Proof bundles (proofs.md): what they prove, and what proves nothing.", mesh_root=mesh_root.public,
    good=[{"name": name, "proves": check_bundle(data), "bytes": data} for name, data in good.items()],
    bad=[{"name": name, "refusal": wanted, "bytes": data} for name, wanted, data in bad])

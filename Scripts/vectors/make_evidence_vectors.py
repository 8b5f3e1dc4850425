#!/usr/bin/env python3
"""Writes Protocol/vectors/statements/evidence.json and Protocol/vectors/ledger/links.json."""

from common import H, Key, fixed, u8, u16, u32, u64, write
from evidence_model import Reader, Refused, Tree, check_evidence, read_link, refusal_of

DAY = 86_400_000
T0 = 20_000 * DAY
alice, bob, online, other = (Key(n) for n in ("alice", "bob", "online", "other online"))


def seal(number, kind, body, key):
    signed = u16(number) + u16(1) + body
    return signed + key.sign("hearsay/v1/" + kind, signed)


def certificate(generation=1, signing=online, by=alice, reason=1):
    body = by.public + u32(generation) + signing.public + u64(T0) + u64(T0 + 365 * DAY) + u32(0) + u64(0) + bytes(32) + u8(reason)
    return seal(3, "generation", body, by)


def head(sequence, history, generation=1, label="", key=online, origin=alice):
    body = origin.public + u32(generation) + u64(sequence) + u64(T0 + sequence) + u32(86_400) + fixed("manifest " + label) + u32(0) + u64(0) + u64(0)
    return seal(6, "head", body + history + u16(0), key)


def fork(label, count):
    """The heads 1, 2, … of one telling."""
    tree, heads = Tree(0, []), []
    tree.append(H(certificate()))
    for sequence in range(1, count + 1):
        heads.append(head(sequence, tree.root(), label=label))
        tree.append(H(heads[-1]))
    return heads


def link(heads, start, end, leaves=None, roots=None):
    tree = Tree(0, [])
    for statement_hash in ([H(certificate())] + [H(x) for x in heads])[:start]:
        tree.append(statement_hash)
    roots = [root for _, root in tree.parts] if roots is None else roots
    leaves = [H(x) for x in heads[start - 1 : end - 1]] if leaves is None else leaves
    return u64(start) + u8(len(roots)) + b"".join(roots) + u8(len(leaves)) + b"".join(leaves)


def evidence(form, *parts, tail=b"", structure=7, version=1):
    return u16(structure) + u16(version) + u8(form) + b"".join(u16(len(p)) + p for p in parts) + tail


left, right = fork("left", 12), fork("right", 45)
pair = sorted([left[3], right[3]])
twins = sorted([certificate(), certificate(signing=other, reason=2)])

good = {
    "two heads at one position": evidence(1, certificate(), *pair),
    "the next head denies the last": evidence(2, certificate(), left[5], right[6], tail=link(right, 6, 7)),
    "a later head denies an earlier one": evidence(2, certificate(), left[3], right[11], tail=link(right, 4, 12)),
    "the longest stretch": evidence(2, certificate(), left[11], right[43], tail=link(right, 12, 44)),
    "only what was before differs": evidence(
        2, certificate(), head(6, fixed("history"), label="right"), right[8],
        tail=link(right, 6, 9)),
    "one generation opened twice": evidence(3, *twins),
}
flipped = bytearray(good["the next head denies the last"])
flipped[-1] ^= 1
bad = {
    "one head twice": ("forged", evidence(1, certificate(), left[3], left[3])),
    "heads in descending order": ("forged", evidence(1, certificate(), *reversed(pair))),
    "heads at two positions": ("forged", evidence(1, certificate(), *sorted([left[3], right[4]]))),
    "a head of another generation": ("forged", evidence(1, certificate(2), *pair)),
    "a head of another origin": ("forged", evidence(1, certificate(by=bob), *pair)),
    "a head signed by another key": ("forged", evidence(1, certificate(), *sorted([left[3], head(4, bytes(32), key=bob)]))),
    "a certificate that nobody has signed": ("forged", evidence(1, certificate()[:-1] + b"\0", *pair)),
    "a history that agrees": ("forged", evidence(2, certificate(), right[5], right[6], tail=link(right, 6, 7))),
    "a link to another head": ("forged", evidence(2, certificate(), left[5], right[7], tail=link(right, 6, 7))),
    "a link from another head": ("forged", evidence(2, certificate(), left[4], right[6], tail=link(right, 6, 7))),
    "a link with another leaf": ("forged", bytes(flipped)),
    "heads in the wrong order": ("forged", evidence(2, certificate(), right[6], left[5], tail=link(right, 6, 7))),
    "one certificate twice": ("forged", evidence(3, certificate(), certificate())),
    "certificates in descending order": ("forged", evidence(3, *reversed(twins))),
    "certificates of two generations": ("forged", evidence(3, *sorted([certificate(), certificate(2)]))),
    "certificates of two origins": ("forged", evidence(3, *sorted([certificate(), certificate(by=bob)]))),
    "form 0": ("invalid:kind", evidence(0, certificate(), *pair)),
    "form 4": ("invalid:kind", evidence(4, certificate(), *pair)),
    "structure of a head": ("wrong-structure", evidence(1, certificate(), *pair, structure=6)),
    "version 2": ("unsupported-version", evidence(1, certificate(), *pair, version=2)),
    "a certificate in a head's place": ("wrong-structure", evidence(1, certificate(), certificate(), pair[1])),
    "one byte short": ("truncated", good["two heads at one position"][:-1]),
    "one byte more": ("trailing", good["one generation opened twice"] + b"\0"),
    "a link in the wrong form": ("trailing", evidence(1, certificate(), *pair, tail=link(right, 6, 7))),
    "a start of 0": ("invalid:sequence", evidence(2, certificate(), left[5], right[6], tail=u64(0) + u8(0) + u8(0))),
    "a root too few": ("invalid:sequence", evidence(2, certificate(), left[5], right[6], tail=link(right, 6, 7, roots=[bytes(32)]))),
    "33 leaves": ("over-limit:count", evidence(2, certificate(), left[5], right[38], tail=link(right, 6, 39))),
    "65 roots": ("over-limit:count", evidence(2, certificate(), left[5], right[6], tail=u64(6) + u8(65) + bytes(65 * 32))),
    "4,097 bytes": ("over-limit:statement", good["one generation opened twice"] + bytes(4097 - len(good["one generation opened twice"]))),
}


def main():
    for name, data in good.items():
        assert refusal_of(data) is None, (name, refusal_of(data))
    for name, (refusal, data) in bad.items():
        assert refusal_of(data) == refusal, (name, refusal_of(data), refusal)
    write("statements", "evidence", "statements.md §9: evidence. The length of what is longest is part of the point.",
          good=[{"name": n, "bytes": d, "hash": H(d), "origin": check_evidence(d)[0], "generation": check_evidence(d)[1]} for n, d in good.items()],
          bad=[{"name": n, "refusal": r, "bytes": d} for n, (r, d) in bad.items()])
    links = []
    for start, end in ((1, 1), (1, 2), (6, 7), (7, 9), (8, 40), (45, 45)):
        data = link(right, start, end)
        r = Reader(data)
        found = read_link(r)
        r.finish()
        assert found["start_root"] == right[start - 1][112:144] and found["end_root"] == right[end - 1][112:144]
        links.append({"start": start, "end": end, "start_root": found["start_root"], "end_root": found["end_root"], "bytes": data})
    write("ledger", "links", "ledger.md §6.1: history links, and the history roots that the heads at both ends carry.", good=links)


main()

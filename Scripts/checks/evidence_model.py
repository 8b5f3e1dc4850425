"""Evidence and history links, written from Protocol/statements.md §9 and Protocol/ledger.md §6.1."""

from ledger_model import MAX_STATEMENT, MAX_U64, Reader, Refused, read_statement, require
from primitives_model import H, HISTORY, leaf, node, refusal_of_signature, tagged

MAX_LEAVES, MAX_ROOTS = 32, 64


class Tree:
    """A history that only grows: the roots of its full subtrees, largest first, each with how many leaves it covers."""

    def __init__(self, count, roots):
        sizes = [1 << bit for bit in reversed(range(64)) if count >> bit & 1]
        self.parts = list(zip(sizes, roots))

    def append(self, statement_hash):
        self.parts.append((1, leaf(HISTORY, statement_hash)))
        while len(self.parts) > 1 and self.parts[-1][0] == self.parts[-2][0]:
            (size, left), (_, right) = self.parts[-2:]
            self.parts[-2:] = [(2 * size, node(left, right))]

    def root(self):
        result = self.parts[-1][1]
        for _, left in reversed(self.parts[:-1]):
            result = node(left, result)
        return result


def read_link(r):
    start = r.number(8)
    roots = [r.take(32) for _ in range(r.count(1, MAX_ROOTS, 32))]
    leaves = [r.take(32) for _ in range(r.count(1, MAX_LEAVES, 32))]
    require(0 < start < MAX_U64 - MAX_LEAVES and len(roots) == bin(start).count("1"), "invalid:sequence")
    tree = Tree(start, roots)
    start_root = tree.root()
    for each in leaves:
        tree.append(each)
    return {"start": start, "end": start + len(leaves), "start_root": start_root, "end_root": tree.root(), "leaves": leaves}


def signed(kind, data, key=None):
    """The fields of a statement that this key, or the one it names, has signed; None if not."""
    fields, signer = read_statement(kind, data)
    by = bytes.fromhex(signer) if signer else key
    return None if refusal_of_signature(by, data[-64:], tagged("hearsay/v1/" + kind, data[:-64])) else fields


def check_evidence(data):
    """Origin and generation of what it proves; raises the refusal."""
    require(len(data) <= MAX_STATEMENT, "over-limit:statement")
    r = Reader(data)
    require(r.number(2) == 7, "wrong-structure")
    require(r.number(2) == 1, "unsupported-version")
    form = r.number(1)
    require(form in (1, 2, 3), "invalid:kind")
    kinds = ["generation", "generation"] if form == 3 else ["generation", "head", "head"]
    parts = []
    for kind in kinds:  # In order: a part is read before the next one's length.
        parts.append(r.prefixed(2, MAX_STATEMENT, "statement"))
        read_statement(kind, parts[-1])
    link = read_link(r) if form == 2 else None
    r.finish()

    certificate = signed("generation", parts[0])
    require(certificate is not None, "forged")
    about = certificate["origin"], certificate["generation"]
    rest = [signed(kind, part, bytes.fromhex(certificate["signing_key"])) for kind, part in zip(kinds[1:], parts[1:])]
    require(all(f is not None and (f["origin"], f["generation"]) == about for f in rest), "forged")
    if form == 1:
        require(rest[0]["sequence"] == rest[1]["sequence"] and parts[1] < parts[2], "forged")
    elif form == 2:
        earlier, later = rest
        require(earlier["sequence"] < later["sequence"] and (link["start"], link["end"]) == (earlier["sequence"], later["sequence"]), "forged")
        require(link["end_root"].hex() == later["history_root"], "forged")
        require(link["start_root"].hex() != earlier["history_root"] or link["leaves"][0] != H(parts[1]), "forged")
    else:
        require(parts[0] < parts[1], "forged")
    return about


def refusal_of(data):
    try:
        check_evidence(data)
    except Refused as refused:
        return str(refused)
    return None

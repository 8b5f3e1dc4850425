"""Checks Protocol/vectors/fingerprint-2 against Protocol/fingerprint-2.md, written from that text alone; no code shared with any node."""

import hashlib
import json
import math
import re

STEPS = (1070, 1117, 1167, 1218, 1272, 1328, 1387, 1449, 1513, 1580, 1650, 1723, 1799, 1879, 1962)
FEATURES = {
    "M": (10, 100, {16: 3, 17: 36, 18: 111, 19: 157, 20: 123, 21: 59, 22: 18, 23: 5}),
    "sa": (6, 96, {-1: 3, 0: 50, 1: 178, 2: 160, 3: 78, 4: 34, 5: 9}),
    "as": (9, 128, {-2: 4, -1: 93, 0: 294, 1: 115, 2: 6}),
    "q90": (4, 96, {1: 2, 2: 55, 3: 177, 4: 172, 5: 87, 6: 19}),
    "q05": (5, 144, {-3: 12, -2: 181, -1: 287, 0: 32}),
    "iqr": (5, 104, {1: 6, 2: 154, 3: 252, 4: 79, 5: 19, 6: 2}),
    "rep": (4, 168, {-2: 5, -1: 55, 0: 211, 1: 206, 2: 35}),
    "altR": (5, 80, {-2: 16, -1: 112, 0: 248, 1: 121, 2: 15}),
    "spd": (6, 96, {-2: 11, -1: 100, 0: 252, 1: 134, 2: 15}),
    "rolLi": (3, 128, {-1: 24, 0: 196, 1: 245, 2: 45, 3: 2}),
    "rolRi": (3, 128, {-2: 5, -1: 67, 0: 239, 1: 176, 2: 25}),
}
ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
FINGER = {letter: (0, 1, 2, 3, 3, 4, 4, 5, 6, 7)[column] for row in ROWS for column, letter in enumerate(row)}
ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][\s\S]*?(?:\x07|\x1b\\)|[@-Z\\-_])")
BREAK = None


def is_hidden(line, echo):
    printable = [text for _, text in line if len(text) == 1 and text >= " " and text != "\x7f"]
    echo, place, found = ESCAPES.sub("", echo), 0, 0
    for key in printable:
        hit = echo.find(key, place)
        if hit >= 0:
            found, place = found + 1, hit + 1
    return 2 * found < len(printable)


def filtered(events):
    """§2: the keys as (microseconds, scalar), and BREAK for everything else."""
    sequence, line, echo = [], [], ""

    def close():
        hidden = is_hidden(line, echo)
        sequence.extend(BREAK if hidden or len(text) != 1 else (t, text) for t, text in line)

    for t, kind, text in events:
        if kind == "o" and line:
            echo += text
        elif kind == "i":
            line.append((round(t * 1e6), text))
            if text in ("\r", "\n", "\r\n", "\r\0"):
                close()
                line, echo = [], ""
    close()
    return sequence


def level(ms):
    """floor(16 * log2(ms)), §3; exact for 1 to 1500."""
    e = ms.bit_length() - 1
    m = ms << (10 - e) if e <= 10 else ms >> (e - 10)
    return 16 * e + sum(step <= m for step in STEPS)


def kept_pairs(sequence):
    """§3: (first, second, level) of each."""
    runs, kept = [], []
    for before, after in zip(sequence, sequence[1:]):
        if before is BREAK or after is BREAK or not 0 < after[0] - before[0] <= 1_500_000:
            runs.append(None)
            continue
        pair = (before[1], after[1], level(max(1, (after[0] - before[0] + 500) // 1000)))
        same = pair[0] == pair[1]
        if same and runs and runs[-1] and runs[-1][0][:2] == pair[:2]:
            runs[-1].append(pair)
        else:
            runs.append([pair])
    for run in runs:
        if run and len(run) == 1 and not (run[0][0] == run[0][1] and run[0][0] in "\x7f\x08"):
            kept.append(run[0])
    return kept


def group(first, second):
    letters = first in FINGER, second in FINGER
    if first == " " and letters[1]:
        return "sa"
    if letters[0] and second == " ":
        return "as"
    if not all(letters):
        return None
    if first == second:
        return "rep"
    f, g = FINGER[first], FINGER[second]
    hand = "L" if f <= 3 else "R"
    if (f <= 3) != (g <= 3):
        return "alt" + hand
    if f == g:
        return None
    reach = lambda finger: 7 - 2 * finger if hand == "L" else 2 * finger - 7
    return "rol" + hand + ("i" if reach(f) > reach(g) else "o")


def features(pairs):
    """§4: name to (value in 1/256 octave, count)."""
    levels, n = sorted(pair[2] for pair in pairs), len(pairs)
    q = lambda percent: levels[(n - 1) * percent // 100]
    middle = q(50)
    found = {"M": (16 * middle, n), "q90": (16 * (q(90) - middle), n), "q05": (16 * (q(5) - middle), n), "iqr": (16 * (q(75) - q(25)), n)}
    groups = {}
    for first, second, u in pairs:
        groups.setdefault(group(first, second), []).append(max(-40, min(40, u - middle)))
    for name in ("sa", "as", "rep", "altR", "rolLi", "rolRi"):
        rest = groups.get(name, [])
        if len(rest) >= 2:
            found[name] = (16 * sum(rest) // len(rest), len(rest))
    alternating = [r for name in ("altL", "altR") for r in groups.get(name, [])]
    rolling = [r for name in ("rolLi", "rolLo", "rolRi", "rolRo") for r in groups.get(name, [])]
    if len(alternating) >= 4 and len(rolling) >= 4:
        value = 16 * sum(alternating) // len(alternating) - 16 * sum(rolling) // len(rolling)
        found["spd"] = (value, min(len(alternating), len(rolling)))
    return found


def tokens(found):
    """§6: token to weight."""
    weights = {}

    def add(name, k, weight):
        token = f"{name}:{max(-32, min(31, k))}"
        weights[token] = weights.get(token, 0) + weight

    for name, (x, count) in found.items():
        alpha, width, prior = FEATURES[name]
        s = alpha * (64 * count // (count + 4))
        f = x // width
        q = (x - f * width) * 16 // width
        for k, weight in ((f, (16 - q) ** 2), (f + 1, 256 + 2 * q * (16 - q)), (f + 2, q * q)):
            add(name, k, s * weight)
        for k, weight in prior.items():
            add(name, k, -s * weight)
    return weights


def token_hash(token):
    return int.from_bytes(hashlib.sha256(b"gk2/30/" + token.encode("ascii")).digest()[:8], "big")


def code(weights):
    sums = [0] * 64
    for token, weight in weights.items():
        word = token_hash(token)
        for bit in range(64):
            sums[bit] += weight if word >> bit & 1 else -weight
    return "%016x" % sum(1 << bit for bit in range(64) if sums[bit] > 0)


def fingerprint(events):
    if not any(kind == "o" for _, kind, _ in events):
        return None
    pairs = kept_pairs(filtered(events))
    n = len(pairs)
    if n < 40:
        return {"pairs": n, "simhash": None, "class": None, "features": None}
    found = features(pairs)
    strength = sum(n >= border for border in (150, 400, 1000))
    return {"pairs": n, "simhash": code(tokens(found)), "class": strength, "features": {name: list(value) for name, value in found.items()}}


def run(vectors_dir):
    passed = failed = 0

    def check(claim, holds):
        nonlocal passed, failed
        passed, failed = passed + bool(holds), failed + (not holds)
        if not holds:
            print(f"  FAILED fingerprint-2: {claim}")

    check("the steps are floor(16 * log2) of 1 to 1500 ms", all(level(ms) == math.floor(16 * math.log2(ms)) for ms in range(1, 1501)))
    for name, (_, _, prior) in FEATURES.items():
        check(f"the prior of {name} sums to 512", sum(prior.values()) == 512)
    for item in json.loads((vectors_dir / "fingerprint-2" / "vectors.json").read_text(encoding="utf-8"))["items"]:
        check(item["id"], fingerprint(item["events"]) == item["expected"])
    for item in json.loads((vectors_dir / "fingerprint-2" / "tokens.json").read_text(encoding="utf-8"))["items"]:
        check(f"token {item[0]}", "%016x" % token_hash(item[0]) == item[1])
    return passed, failed


if __name__ == "__main__":
    import pathlib

    print("%d passed, %d failed" % run(pathlib.Path(__file__).resolve().parents[2] / "Protocol" / "vectors"))

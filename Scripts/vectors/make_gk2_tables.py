#!/usr/bin/env python3
"""Writes Sources/Keystrokes/FingerprintTokens.swift and Protocol/vectors/fingerprint-2/tokens.json: every token that schema_version 2 can reach.

The hashes need no secret and no clock, so running this again writes the same files."""

import hashlib
import pathlib

ROOT = pathlib.Path(__file__).resolve().parents[2]
LARGEST = 168  # floor(16 * log2(1500)), the level of the longest pair
CLAMP = 40  # of a pair's distance from the median level
# Name, width of a bin, smallest and largest value in 1/256 octave.
FEATURES = (
    ("M", 100, 0, 16 * LARGEST), ("sa", 96, -16 * CLAMP, 16 * CLAMP), ("as", 128, -16 * CLAMP, 16 * CLAMP), ("q90", 96, 0, 16 * LARGEST),
    ("q05", 144, -16 * LARGEST, 0), ("iqr", 104, 0, 16 * LARGEST), ("rep", 168, -16 * CLAMP, 16 * CLAMP), ("altR", 80, -16 * CLAMP, 16 * CLAMP),
    ("spd", 96, -32 * CLAMP, 32 * CLAMP), ("rolLi", 128, -16 * CLAMP, 16 * CLAMP), ("rolRi", 128, -16 * CLAMP, 16 * CLAMP),
)
HEAD = """// Written by Scripts/vectors/make_gk2_tables.py. The tests and Scripts/check-vectors compute every hash again.

/// The hashes of all tokens that a session can reach (`Protocol/fingerprint-2.md` §6): first 8 bytes of SHA-256("gk2/30/" + token), big-endian.
enum FingerprintTokens {
    /// Of one feature: the hashes of consecutive bins.
    struct Row: Sendable {
        let firstBin: Int
        let hashes: [UInt64]
    }

"""


def token_hash(token):
    return hashlib.sha256(b"gk2/30/" + token.encode("ascii")).hexdigest()[:16]


def main():
    rows, items = [], []
    for name, width, smallest, largest in FEATURES:
        bins = range(smallest // width, largest // width + 3)
        assert -32 <= bins[0] and bins[-1] <= 31, name
        hashes = [token_hash(f"{name}:{k}") for k in bins]
        items += [f'["{name}:{k}","{value}"]' for k, value in zip(bins, hashes)]
        literals = ["0x" + "_".join(value[i:i + 4] for i in range(0, 16, 4)) for value in hashes]
        lines = ["            " + ", ".join(literals[i:i + 6]) + ",\n" for i in range(0, len(literals), 6)]
        rows.append(f"    static let {'`as`' if name == 'as' else name} = Row(\n        firstBin: {bins[0]},\n        hashes: [\n{''.join(lines)}        ])\n".replace("static let M ", "static let median "))
    (ROOT / "Sources/Keystrokes/FingerprintTokens.swift").write_text(HEAD + "".join(rows) + "}\n", encoding="utf-8")
    text = '{"about":"Every token that can be reached, and its hash (fingerprint-2.md 6).","items":[\n' + ",\n".join(items) + "\n]}\n"
    (ROOT / "Protocol/vectors/fingerprint-2/tokens.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()

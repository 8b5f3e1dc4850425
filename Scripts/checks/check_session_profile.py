"""Checks Protocol/vectors/session-profile against Protocol/session-profile.md, written from that text alone; no code shared with any node."""

import base64
import hashlib
import json
import math
import re
import statistics

EDGES = (0.03, 0.06, 0.12, 0.25, 0.5, 1.0)
RUNS = {
    "kd_ctrl_backspace": rb"[\x7f\x08]+", "kd_ctrl_wkill": rb"\x17+", "kd_ctrl_ukill": rb"\x15+", "kd_ctrl_abort": rb"\x03+", "kd_ctrl_eof": rb"\x04+",
    "kd_arrow_rate": rb"(\x1b[\[O][A-D])+", "kd_tab_rate": rb"\t+",
}
COLUMNS = """kd_iki_mean kd_iki_stdev kd_iki_p50 kd_iki_p95 kd_enter_latency_p50 kd_enter_latency_p95 kd_burst_ratio kd_think_ratio kd_ctrl_backspace
kd_ctrl_wkill kd_ctrl_ukill kd_ctrl_abort kd_ctrl_eof kd_arrow_rate kd_tab_rate kd_digraph_simhash kd_top_bigrams kd_start_of_action_latency
kd_pause_hist_burst kd_pause_hist_think kd_pause_hist_distracted total_keystrokes session_duration_s""".split()


def quantile(values, p):
    if not values:
        return None
    values = sorted(values)
    h = (len(values) - 1) * p
    j = math.floor(h)
    return values[j] if j + 1 == len(values) else values[j] + (h - j) * (values[j + 1] - values[j])


def keys(data):
    """Code points; an invalid byte b is 0xDC00 + b, which is what this error handler makes of it."""
    return [ord(c) for c in data.decode("utf-8", "surrogateescape")]


def is_stray(key):
    return 0xDC80 <= key <= 0xDCFF


def digraph_samples(events):
    """§4, samples."""
    samples, previous = {}, None
    for t, kind, data in events:
        if kind != "i":
            continue
        found = keys(data)
        if len(found) != 1:
            previous = None
            continue
        if previous is not None and 0 < t - previous[1] <= 1.5:
            samples.setdefault((previous[0], found[0]), []).append(t - previous[1])
        previous = (found[0], t)
    return samples


def simhash(samples):
    """§4, tokens and votes."""
    if len(samples) < 8 or sum(map(len, samples.values())) < 20:
        return None
    sums = [0] * 64
    for digraph, times in samples.items():
        median = statistics.median(times)
        token = "".join("?" if is_stray(key) else chr(key) for key in digraph) + ":" + str(sum(edge <= median for edge in EDGES))
        word = int.from_bytes(hashlib.md5(token.encode()).digest()[:8], "big")
        for bit in range(64):
            sums[bit] += len(times) if word >> bit & 1 else -len(times)
    return "%016x" % sum(1 << bit for bit in range(64) if sums[bit] > 0)


def bigrams(samples):
    """§5."""
    order = sorted(samples, key=lambda digraph: (-len(samples[digraph]), digraph))
    return [["".join("\ufffd" if is_stray(key) else chr(key) for key in d), len(samples[d]), math.fsum(samples[d]) / len(samples[d])] for d in order[:32]]


def profile(events, recorded):
    """§3. `events` are (t, kind, bytes)."""
    strokes = [(t, data) for t, kind, data in events if kind == "i" and data]
    n = len(strokes)
    raw = [max(0.0, b[0] - a[0]) for a, b in zip(strokes, strokes[1:])]
    iki = [min(10.0, r) for r in raw]
    is_enter = [data in (b"\r", b"\n", b"\r\n", b"\r\0") for _, data in strokes]
    latencies = [iki[i - 1] for i in range(1, n) if is_enter[i] and not is_enter[i - 1]]
    duration = recorded if recorded is not None else max([0.0] + [t for t, _, _ in events]) if events else None
    last_line = max([i for i, (_, data) in enumerate(strokes) if b"\r" in data or b"\n" in data], default=0)
    samples = digraph_samples(events)
    columns = {
        "kd_iki_mean": math.fsum(iki) / len(iki) if iki else None,
        "kd_iki_stdev": statistics.pstdev(iki) if iki else None,
        "kd_iki_p50": quantile(iki, 0.5), "kd_iki_p95": quantile(iki, 0.95),
        "kd_enter_latency_p50": quantile(latencies, 0.5), "kd_enter_latency_p95": quantile(latencies, 0.95),
        "kd_burst_ratio": sum(r < 0.030 for r in raw) / len(raw) if raw else None,
        "kd_think_ratio": min(1.0, math.fsum(r for r in raw[:last_line] if r > 2.0) / duration) if raw and duration else None,
        "kd_digraph_simhash": simhash(samples), "kd_top_bigrams": bigrams(samples),
        "kd_start_of_action_latency": statistics.median([strokes[0][0]] + [r for r in raw if r > 1.0]) if strokes else None,
        "kd_pause_hist_burst": sum(r < 0.2 for r in raw), "kd_pause_hist_think": sum(0.2 <= r < 1.5 for r in raw),
        "kd_pause_hist_distracted": sum(r >= 1.5 for r in raw), "total_keystrokes": n, "session_duration_s": duration,
    }
    for name, run_of_key in RUNS.items():
        columns[name] = sum(re.fullmatch(run_of_key, data) is not None for _, data in strokes) / n if n else None
    return columns


def agrees(found, wanted):
    """Numbers that are written with a point to 1e-9, everything else exactly."""
    if isinstance(wanted, list):
        return isinstance(found, list) and len(found) == len(wanted) and all(map(agrees, found, wanted))
    if isinstance(wanted, float):
        return isinstance(found, (int, float)) and math.isclose(found, wanted, rel_tol=1e-9, abs_tol=1e-9)
    return found == wanted


def run(vectors_dir):
    passed = failed = 0
    for file in ("vectors.json", "invalid_utf8.json"):
        with open(vectors_dir / "session-profile" / file, encoding="utf-8") as source:
            items = json.load(source)["items"]
        for item in items:
            if "events_b64" in item:
                events = [(float(t), kind, base64.b64decode(data)) for t, kind, data in item["events_b64"]]
            else:
                events = [(float(t), kind, data.encode()) for t, kind, data in item["events"]]
            found, expected = profile(events, item.get("recorded_duration_s")), item["expected"]
            wrong = [name for name in COLUMNS if name not in expected or not agrees(found[name], expected[name])] + sorted(set(expected) - set(COLUMNS))
            samples = digraph_samples(events)
            counts = {"digraphs_distinct": len(samples), "digraph_samples": sum(map(len, samples.values()))}
            wrong += [name for name, count in counts.items() if item.get("diag", {}).get(name, count) != count]
            for name in wrong:
                print(f"  FAILED session-profile/{file}: {item['id']} {name}: {found.get(name, counts.get(name))}, not {expected.get(name)}")
            passed, failed = passed + (not wrong), failed + bool(wrong)
    return passed, failed


if __name__ == "__main__":
    import pathlib

    print("%d passed, %d failed" % run(pathlib.Path(__file__).resolve().parents[2] / "Protocol" / "vectors"))

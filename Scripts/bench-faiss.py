#!/usr/bin/env python3
"""Times FAISS's exact binary indexes on one thread, for `hearsay-bench hamming` to stand beside.

usage: bench-faiss.py CODES QUESTIONS SINGLE_FLAT
  CODES, QUESTIONS   files of 64-bit codes, one after another
  SINGLE_FLAT        how many questions the indexes that compare with everything are asked; the others are asked ten times as many

Prints one line per figure: `index question value`, value in questions a second, seconds (build) or bytes per code (memory). Seconds are those of a processor.
Exact hashing needs enough turned bits in each of its 3 substrings of 21: 2 for radius 6, 4 for radius 12.
"""
import sys
import time

import faiss
import numpy


def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096


def median(values):
    values = sorted(values)
    return values[len(values) // 2]


def rate(ask, questions, batch, rounds=3):
    rates = []
    for _ in range(rounds):
        begin = time.thread_time()
        for start in range(0, len(questions), batch):
            ask(questions[start : start + batch])
        rates.append(len(questions) / (time.thread_time() - begin))
    return median(rates)


def report(index, question, value):
    print(index, question, f"{value:.3f}", flush=True)


def main():
    faiss.omp_set_num_threads(1)
    codes = numpy.fromfile(sys.argv[1], dtype=numpy.uint8).reshape(-1, 8)
    questions = numpy.fromfile(sys.argv[2], dtype=numpy.uint8).reshape(-1, 8)
    few = questions[: int(sys.argv[3])]
    more = questions[: 10 * len(few)]

    flat = faiss.IndexBinaryFlat(64)
    flat.add(codes)
    for radius in (6, 12):  # FAISS finds what is *nearer* than the radius.
        report("flat", f"radius-{radius}", rate(lambda some: flat.range_search(some, radius + 1), few, 1))
    report("flat", "nearest-10", rate(lambda some: flat.search(some, 10), few, 1))
    report("flat", "nearest-10-batched", rate(lambda some: flat.search(some, 10), more, len(more)))
    expected = {radius: flat.range_search(few, radius + 1) for radius in (6, 12)}
    del flat

    before, begin = resident(), time.thread_time()
    hashed = faiss.IndexBinaryMultiHash(64, 3, 21)
    hashed.add(codes)
    report("multihash", "build", time.thread_time() - begin)
    report("multihash", "memory", (resident() - before) / len(codes))
    for radius, turned, asked in ((6, 2, more), (12, 4, few)):
        hashed.nflip = turned
        lims, _, labels = hashed.range_search(few, radius + 1)
        wanted = expected[radius]
        for place in range(len(few)):  # A rival that is not exact is none.
            found = set(labels[lims[place] : lims[place + 1]].tolist())
            assert found == set(wanted[2][wanted[0][place] : wanted[0][place + 1]].tolist()), "FAISS's answers differ among themselves"
        report("multihash", f"radius-{radius}", rate(lambda some: hashed.range_search(some, radius + 1), asked, 1))


main()

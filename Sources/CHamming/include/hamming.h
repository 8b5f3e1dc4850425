// Hamming distances of one query to many codes: a linear scan, with the widest instructions the processor has.
//
// A code is `words` 64-bit words; codes stand one after another. Nothing is allocated, nothing is read beyond `count * words` words.
#ifndef HEARSAY_HAMMING_H
#define HEARSAY_HAMMING_H

#include <stddef.h>
#include <stdint.h>

typedef enum {
    hamming_kernel_portable = 0,
    hamming_kernel_avx2 = 1,
    hamming_kernel_avx512_vpopcntdq = 2,
} hamming_kernel;

// The fastest kernel this processor runs; asked once, then remembered.
hamming_kernel hamming_best_kernel(void);

// Whether this processor runs a kernel.
int hamming_kernel_is_supported(hamming_kernel kernel);

// Writes the distance of each code to `distances`, which has room for `count`. `words` is at least 1 and at most 1,023.
// A kernel that the processor does not run must not be asked for.
void hamming_distances(hamming_kernel kernel, const uint64_t *query, const uint64_t *codes, size_t count, size_t words, uint16_t *distances);

// Adds one to `counts[d]` for each code, d being its distance. `counts` has room for `64 * words + 1`.
void hamming_histogram(hamming_kernel kernel, const uint64_t *query, const uint64_t *codes, size_t count, size_t words, uint64_t *counts);

// Writes the places of the codes at most `radius` away to `places`, in order, at most `capacity` of them. Returns how many there are in all.
size_t hamming_within(hamming_kernel kernel, const uint64_t *query, const uint64_t *codes, size_t count, size_t words, uint16_t radius,
                      uint32_t *places, size_t capacity);

#endif

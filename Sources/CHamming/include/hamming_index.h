// Multi-index hashing over 64-bit codes: buckets of codes that agree in some of their bits, so that a question looks at few codes.
//
// Codes are grouped by the value of a substring of their bits; each bucket holds the *whole* codes, one after another, and is looked through in order
// (Norouzi, Punjani, Fleet, "Fast Exact Search in Hamming Space with Multi-Index Hashing"). Nothing is allocated here.
#ifndef HEARSAY_HAMMING_INDEX_H
#define HEARSAY_HAMMING_INDEX_H

#include <stddef.h>
#include <stdint.h>

enum { hamming_table_limit = 6 };

// The substrings of an index: `bits[t]` bits from bit `shifts[t]` on, none overlapping, all 64 bits covered.
typedef struct {
    uint32_t table_count;
    uint8_t bits[hamming_table_limit];
    uint8_t shifts[hamming_table_limit];
} hamming_layout;

// A code and where it comes from.
typedef struct {
    uint64_t code;
    uint64_t source;
} hamming_entry;

// Sorts by code, keeping the order of equals. `scratch` has room for `count` entries.
void hamming_sort(hamming_entry *entries, hamming_entry *scratch, size_t count);

// Groups codes by a substring: `grouped` gets the codes, `starts` where each of the 2^bits buckets begins and, last, `count`.
void hamming_group(const uint64_t *codes, size_t count, unsigned shift, unsigned bits, uint64_t *grouped, uint32_t *starts);

// Looks through all buckets of table `table` whose substring differs from the query's in exactly `shell` bits, and writes the codes at most `limit` away to
// `found`, at most `capacity` of them. Returns how many there are in all.
//
// A code that another table has shown already is passed over: one whose substring there is at most `reach[t]` away (-1: nothing looked at yet).
size_t hamming_probe(const hamming_layout *layout, unsigned table, const uint64_t *grouped, const uint32_t *starts, uint64_t query, unsigned shell,
                     const int8_t *reach, unsigned limit, uint64_t *found, size_t capacity);

#endif

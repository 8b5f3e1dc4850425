// Multi-index hashing over 64-bit codes: buckets of codes that agree in some of their bits, so that a question looks at few codes.
//
// Each table groups all codes by the value of one substring of their bits (Norouzi, Punjani, Fleet, "Fast Exact Search in Hamming Space with Multi-Index
// Hashing"). A bucket's number is that substring, so only the other bits are stored, at most 48, in two columns: 32 bits that decide nearly always, and the
// rest, which is read for the few that are left. Buckets stand one after another and are looked through in order. Nothing is allocated but by
// `hamming_allocate`.
#ifndef HEARSAY_HAMMING_INDEX_H
#define HEARSAY_HAMMING_INDEX_H

#include <stddef.h>
#include <stdint.h>

#include "hamming.h"

enum { hamming_table_limit = 4, hamming_least_bits = 16 };

// All codes, grouped by `bits` bits from bit `shift` on. Within a bucket they ascend.
typedef struct {
    uint32_t shift;
    uint32_t bits;
    // Where each bucket begins; one more than there are buckets.
    uint32_t *starts;
    // The lower 32 of the bits that are left when the substring is taken out, and the upper ones. Both have room for 8 more,
    // which may be read.
    uint32_t *low;
    uint16_t *high;
} hamming_table;

// Tables over the same codes whose substrings cover all 64 bits. The first has the highest bits, so its codes stand in ascending order: their *places*.
typedef struct {
    uint32_t count;
    uint32_t table_count;
    hamming_table tables[hamming_table_limit];
} hamming_index;

// Where a code was seen.
typedef struct {
    uint32_t segment;
    uint16_t sessions;
    uint8_t strength;
} hamming_posting;

// A code and where it was seen.
typedef struct {
    uint64_t code;
    hamming_posting posting;
} hamming_entry;

// A code that was found. `place` is `hamming_no_place` where the table does not tell.
typedef struct {
    uint64_t code;
    uint32_t place;
    uint32_t distance;
} hamming_found;

#define hamming_no_place UINT32_MAX

// Memory for large arrays, in large pages where the system has them: buckets are found without walking page tables. Null if there is none.
void *hamming_allocate(size_t byte_count);
void hamming_release(void *memory);

// Gives memory that nothing uses back to the system, where the C library can: after much has been let go of.
void hamming_give_back(void);

// Takes codes of one segment, ascending, from `*cursor` on as long as their upper `bits` bits are `slice`, and moves the cursor behind them. `entries` has
// room for the rest of the segment. Returns how many were taken.
size_t hamming_gather(const uint64_t *codes, const uint16_t *sessions, const uint8_t *strengths, size_t count, size_t *cursor, uint64_t slice, unsigned bits,
                      uint32_t segment, hamming_entry *entries);

// Asks memory for what stands at an address: something else can be done until it is there.
static inline void hamming_ask_for(const void *address) { __builtin_prefetch(address); }

// Sorts entries by code, whose upper `shared` bits are all the same; equals keep their order. `scratch` has room for `count` entries.
void hamming_sort(hamming_entry *entries, hamming_entry *scratch, size_t count, unsigned shared);

// Takes sorted entries apart: each code once with where it was seen first; `repeats` gets which entries are of a code that had been there.
// Returns how many different codes there are.
size_t hamming_distinct(const hamming_entry *entries, size_t count, uint64_t *codes, hamming_posting *postings, uint32_t *repeats, size_t *repeat_count);

// Fills a table whose arrays have room for all. `codes` ascend, each once; `scratch` has room for as many, unless the substring is the highest bits.
void hamming_fill(const uint64_t *codes, size_t count, hamming_table *table, uint64_t *scratch);

// The code at a place in a bucket.
uint64_t hamming_code(const hamming_table *table, uint64_t bucket, uint32_t place);

// Looks through all buckets of table `table` whose substring differs from the query's in exactly `shell` bits, and writes the codes at most `limit` away to
// `found`, at most `capacity` of them. Returns how many there are in all.
//
// A code that another table has shown already is passed over: one whose substring there is at most `reach[t]` away (-1: nothing looked at yet).
size_t hamming_probe(hamming_kernel kernel, const hamming_index *index, unsigned table, uint64_t query, unsigned shell, const int8_t *reach, unsigned limit,
                     hamming_found *found, size_t capacity);

// Asks memory for what a probe of the first two shells will read.
void hamming_prefetch(const hamming_index *index, uint64_t query);

// Looks through a range of buckets of the first table; otherwise as `hamming_probe`, its own reach too.
size_t hamming_scan(hamming_kernel kernel, const hamming_index *index, uint32_t first_bucket, uint32_t end_bucket, uint64_t query, const int8_t *reach,
                    unsigned limit, hamming_found *found, size_t capacity);

// Adds one to `counts[d]`, which has room for 65, for each code, d being its distance.
void hamming_index_histogram(hamming_kernel kernel, const hamming_index *index, uint64_t query, uint64_t *counts);

// Finds the places of codes that are there. Memory works on several of them, and on their postings, at once.
void hamming_places(const hamming_index *index, const hamming_posting *postings, hamming_found *found, size_t count);

#endif

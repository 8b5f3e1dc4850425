#include "hamming_index.h"

#include <string.h>

enum { digit_bits = 11, digits = 1 << digit_bits };

void hamming_sort(hamming_entry *entries, hamming_entry *scratch, size_t count) {
    hamming_entry *from = entries, *to = scratch;
    for (unsigned shift = 0; shift < 64; shift += digit_bits) {
        size_t places[digits] = {0};
        for (size_t index = 0; index < count; index++) places[(from[index].code >> shift) & (digits - 1)]++;
        size_t sum = 0;
        for (unsigned digit = 0; digit < digits; digit++) {
            size_t length = places[digit];
            places[digit] = sum;
            sum += length;
        }
        for (size_t index = 0; index < count; index++) to[places[(from[index].code >> shift) & (digits - 1)]++] = from[index];
        hamming_entry *other = from;
        from = to;
        to = other;
    }
    // Six passes: what is sorted is back where it was.
    if (from != entries) memcpy(entries, from, count * sizeof(hamming_entry));
}

void hamming_group(const uint64_t *codes, size_t count, unsigned shift, unsigned bits, uint64_t *grouped, uint32_t *starts) {
    const size_t buckets = (size_t)1 << bits;
    const uint64_t mask = buckets - 1;
    memset(starts, 0, (buckets + 1) * sizeof(uint32_t));
    for (size_t index = 0; index < count; index++) starts[((codes[index] >> shift) & mask) + 1]++;
    for (size_t bucket = 0; bucket < buckets; bucket++) starts[bucket + 1] += starts[bucket];
    for (size_t index = 0; index < count; index++) grouped[starts[(codes[index] >> shift) & mask]++] = codes[index];
    // Each start has moved to the next one's: back by one.
    memmove(starts + 1, starts, buckets * sizeof(uint32_t));
    starts[0] = 0;
}

typedef struct {
    const hamming_layout *layout;
    unsigned table;
    uint64_t query;
    const int8_t *reach;
    unsigned limit;
    uint64_t *found;
    size_t capacity, count;
} probing;

static inline void take(probing *p, uint64_t code, uint64_t difference) {
    for (unsigned other = 0; other < p->layout->table_count; other++) {
        if (other == p->table) continue;
        uint64_t part = (difference >> p->layout->shifts[other]) & (((uint64_t)1 << p->layout->bits[other]) - 1);
        if (__builtin_popcountll(part) <= p->reach[other]) return;
    }
    if (p->count < p->capacity) p->found[p->count] = code;
    p->count++;
}

// The bucket numbers are made ready a batch at a time, so that memory works on many at once.
#define PROBE(name, attributes)                                                                                                                      \
    attributes static void name(probing *p, const uint64_t *grouped, const uint32_t *starts, unsigned shell) {                                       \
        enum { batch = 32 };                                                                                                                         \
        const unsigned bits = p->layout->bits[p->table];                                                                                             \
        const uint64_t mask = ((uint64_t)1 << bits) - 1, end = (uint64_t)1 << bits;                                                                  \
        const uint64_t centre = (p->query >> p->layout->shifts[p->table]) & mask;                                                                    \
        uint64_t turned = ((uint64_t)1 << shell) - 1;                                                                                                \
        int more = 1;                                                                                                                                \
        while (more) {                                                                                                                               \
            uint32_t first[batch], last[batch];                                                                                                      \
            uint64_t bucket[batch];                                                                                                                  \
            unsigned length = 0;                                                                                                                     \
            while (length < batch && more) {                                                                                                         \
                bucket[length] = centre ^ turned;                                                                                                    \
                __builtin_prefetch(starts + bucket[length]);                                                                                         \
                length++;                                                                                                                            \
                if (turned == 0) {                                                                                                                   \
                    more = 0;                                                                                                                        \
                } else {                                                                                                                             \
                    /* The next number with as many bits (Gosper). */                                                                                \
                    uint64_t low = turned & -turned, ripple = turned + low;                                                                          \
                    turned = ripple | (((turned ^ ripple) >> 2) >> __builtin_ctzll(low));                                                            \
                    more = turned < end;                                                                                                             \
                }                                                                                                                                    \
            }                                                                                                                                        \
            for (unsigned place = 0; place < length; place++) {                                                                                      \
                first[place] = starts[bucket[place]];                                                                                                \
                last[place] = starts[bucket[place] + 1];                                                                                             \
                __builtin_prefetch(grouped + first[place]);                                                                                          \
            }                                                                                                                                        \
            for (unsigned place = 0; place < length; place++) {                                                                                      \
                for (uint32_t index = first[place]; index < last[place]; index++) {                                                                  \
                    uint64_t difference = grouped[index] ^ p->query;                                                                                 \
                    if (__builtin_expect((unsigned)__builtin_popcountll(difference) <= p->limit, 0)) take(p, grouped[index], difference);            \
                }                                                                                                                                    \
            }                                                                                                                                        \
        }                                                                                                                                            \
    }

PROBE(probe_portable, )
#if defined(__x86_64__)
PROBE(probe_popcnt, __attribute__((target("popcnt"))))
#endif

size_t hamming_probe(const hamming_layout *layout, unsigned table, const uint64_t *grouped, const uint32_t *starts, uint64_t query, unsigned shell,
                     const int8_t *reach, unsigned limit, uint64_t *found, size_t capacity) {
    if (shell > layout->bits[table]) return 0;
    probing p = {layout, table, query, reach, limit, found, capacity, 0};
#if defined(__x86_64__)
    if (__builtin_cpu_supports("popcnt")) {
        probe_popcnt(&p, grouped, starts, shell);
        return p.count;
    }
#endif
    probe_portable(&p, grouped, starts, shell);
    return p.count;
}

#include <stdlib.h>
#include <string.h>
#if defined(__linux__)
#include <sys/mman.h>
#endif

#include "hamming_index.h"

enum { digit_bits = 8, digits = 1 << digit_bits, few = 24 };

// MARK: Memory

void *hamming_allocate(size_t byte_count) {
    const size_t large_page = (size_t)1 << 21;
    if (byte_count < 2 * large_page) return malloc(byte_count ? byte_count : 1);
    size_t rounded = (byte_count + large_page - 1) / large_page * large_page;
    void *memory = aligned_alloc(large_page, rounded);
#if defined(__linux__) && defined(MADV_HUGEPAGE)
    if (memory) madvise(memory, rounded, MADV_HUGEPAGE);  // Only faster: refused, it is ordinary memory.
#endif
    return memory;
}

void hamming_release(void *memory) { free(memory); }

// MARK: Sorting

static void sort_few(hamming_entry *entries, size_t count) {
    for (size_t index = 1; index < count; index++) {
        hamming_entry entry = entries[index];
        size_t place = index;
        for (; place > 0 && entries[place - 1].code > entry.code; place--) entries[place] = entries[place - 1];
        entries[place] = entry;
    }
}

// One pass by the digit from bit `shift` on; returns 0 and moves nothing if all are alike in it.
static int sort_by_digit(const hamming_entry *from, hamming_entry *to, size_t count, unsigned shift) {
    size_t places[digits] = {0};
    for (size_t index = 0; index < count; index++) places[(from[index].code >> shift) & (digits - 1)]++;
    if (places[(from[0].code >> shift) & (digits - 1)] == count) return 0;
    size_t sum = 0;
    for (unsigned digit = 0; digit < digits; digit++) {
        size_t length = places[digit];
        places[digit] = sum;
        sum += length;
    }
    for (size_t index = 0; index < count; index++) to[places[(from[index].code >> shift) & (digits - 1)]++] = from[index];
    return 1;
}

// By the bits from `lowest` up to `end`, the least significant digit first.
static void sort_by_bits(hamming_entry *entries, hamming_entry *scratch, size_t count, unsigned lowest, unsigned end) {
    hamming_entry *from = entries, *to = scratch;
    for (unsigned shift = lowest; shift < end; shift += digit_bits) {
        if (!sort_by_digit(from, to, count, shift)) continue;
        hamming_entry *other = from;
        from = to;
        to = other;
    }
    if (from != entries) memcpy(entries, from, count * sizeof(hamming_entry));
}

void hamming_sort(hamming_entry *entries, hamming_entry *scratch, size_t count, unsigned shared) {
    if (count <= few) {
        sort_few(entries, count);
        return;
    }
    // Two digits leave codes of evenly spread bits nearly alone; whoever shares them all is sorted by the rest.
    const unsigned end = 64 - shared, lowest = end > 2 * digit_bits ? end - 2 * digit_bits : 0;
    sort_by_bits(entries, scratch, count, lowest, end);
    if (lowest == 0) return;
    for (size_t start = 0; start < count;) {
        size_t next = start + 1;
        while (next < count && entries[next].code >> lowest == entries[start].code >> lowest) next++;
        if (next - start > few) sort_by_bits(entries + start, scratch, next - start, 0, lowest);
        else if (next - start > 1) sort_few(entries + start, next - start);
        start = next;
    }
}

size_t hamming_distinct(const hamming_entry *entries, size_t count, uint64_t *codes, uint32_t *segments, uint16_t *sessions, uint8_t *strengths,
                        uint32_t *repeats, size_t *repeat_count) {
    size_t found = 0, repeated = 0;
    for (size_t index = 0; index < count; index++) {
        if (found > 0 && codes[found - 1] == entries[index].code) {
            repeats[repeated++] = (uint32_t)index;
            continue;
        }
        codes[found] = entries[index].code;
        segments[found] = entries[index].segment;
        sessions[found] = entries[index].sessions;
        strengths[found] = entries[index].strength;
        found++;
    }
    *repeat_count = repeated;
    return found;
}

// MARK: Filling

static inline void put(const hamming_table *table, uint32_t place, uint64_t code) {
    const unsigned end = table->shift + table->bits;
    const uint64_t below = code & (((uint64_t)1 << table->shift) - 1), above = end < 64 ? code >> end << table->shift : 0;
    table->low[place] = (uint32_t)(above | below);
    table->high[place] = (uint16_t)((above | below) >> 32);
}

void hamming_fill(const uint64_t *codes, size_t count, hamming_table *table, uint64_t *scratch) {
    const size_t buckets = (size_t)1 << table->bits;
    const uint64_t mask = buckets - 1;
    const unsigned shift = table->shift;
    uint32_t *starts = table->starts;
    memset(starts, 0, (buckets + 1) * sizeof(uint32_t));
    for (size_t index = 0; index < count; index++) starts[((codes[index] >> shift) & mask) + 1]++;
    for (size_t bucket = 0; bucket < buckets; bucket++) starts[bucket + 1] += starts[bucket];
    if (shift + table->bits == 64) {
        for (size_t index = 0; index < count; index++) put(table, (uint32_t)index, codes[index]);
        return;
    }
    // First into a few parts, then each part, which the processor's caches hold, into its buckets.
    const unsigned rest = table->bits - digit_bits;
    size_t places[digits];
    for (size_t part = 0; part < digits; part++) places[part] = starts[part << rest];
    for (size_t index = 0; index < count; index++) scratch[places[(codes[index] >> shift & mask) >> rest]++] = codes[index];
    for (size_t index = 0; index < count; index++) put(table, starts[(scratch[index] >> shift) & mask]++, scratch[index]);
    // Each start has moved to the next one's: back by one.
    memmove(starts + 1, starts, buckets * sizeof(uint32_t));
    starts[0] = 0;
}

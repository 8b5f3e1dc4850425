#include <stdlib.h>
#include <string.h>
#if defined(__linux__)
#include <sys/mman.h>
#endif
#if defined(__GLIBC__)
#include <malloc.h>
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

void hamming_give_back(void) {
#if defined(__GLIBC__)
    malloc_trim(0);
#endif
}

// MARK: Gathering and sorting

size_t hamming_gather(const uint64_t *codes, const uint16_t *sessions, const uint8_t *strengths, size_t count, size_t *cursor, uint64_t slice, unsigned bits,
                      uint32_t segment, hamming_entry *entries) {
    size_t place = *cursor;
    const size_t first = place;
    // Beyond 63 bits a shift is not defined: without bits, all codes are of the one slice.
    for (; place < count && (bits == 0 || codes[place] >> (64 - bits) == slice); place++) {
        const hamming_entry entry = {codes[place], {segment, sessions[place], strengths[place]}};
        entries[place - first] = entry;
    }
    *cursor = place;
    return place - first;
}

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

size_t hamming_distinct(const hamming_entry *entries, size_t count, uint64_t *codes, hamming_posting *postings, uint32_t *repeats, size_t *repeat_count) {
    size_t found = 0, repeated = 0;
    for (size_t index = 0; index < count; index++) {
        if (found > 0 && codes[found - 1] == entries[index].code) {
            repeats[repeated++] = (uint32_t)index;
            continue;
        }
        codes[found] = entries[index].code;
        postings[found] = entries[index].posting;
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

// Stores leave the processor in order, so one that waits for its line holds up all behind it: every line is asked for before it is written.
enum { line_words = 8, cached_part = 1 << 16, ahead = 24 };

static void scatter(const uint64_t *codes, uint32_t first, uint32_t end, const hamming_table *table, uint64_t mask) {
    uint32_t *starts = table->starts;
    const int is_small = end - first <= cached_part;
    if (is_small) {
        for (uint32_t place = first; place < end; place += 2 * line_words) __builtin_prefetch(table->low + place, 1);
        for (uint32_t place = first; place < end; place += 4 * line_words) __builtin_prefetch(table->high + place, 1);
    }
    for (uint32_t index = first; index < end; index++) {
        if (!is_small && end - index > ahead) {
            const uint32_t coming = starts[(codes[index + ahead] >> table->shift) & mask];
            __builtin_prefetch(table->low + coming, 1);
            __builtin_prefetch(table->high + coming, 1);
        }
        put(table, starts[(codes[index] >> table->shift) & mask]++, codes[index]);
    }
}

void hamming_fill(const uint64_t *codes, size_t count, hamming_table *table, uint64_t *scratch) {
    const size_t buckets = (size_t)1 << table->bits;
    const uint64_t mask = buckets - 1;
    const unsigned shift = table->shift;
    uint32_t *starts = table->starts;
    if (shift + table->bits == 64) {
        size_t bucket = 0;
        for (size_t index = 0; index < count; index++) {
            while (bucket <= codes[index] >> shift) starts[bucket++] = (uint32_t)index;
            put(table, (uint32_t)index, codes[index]);
        }
        while (bucket <= buckets) starts[bucket++] = (uint32_t)count;
        return;
    }
    // First into a few parts, then each part, which the processor's caches hold if codes are evenly spread, into its buckets.
    const unsigned rest = table->bits - digit_bits;
    size_t ends[digits] = {0};
    for (size_t index = 0; index < count; index++) ends[(codes[index] >> shift & mask) >> rest]++;
    size_t sum = 0;
    for (unsigned part = 0; part < digits; part++) {
        const size_t length = ends[part];
        ends[part] = sum;
        sum += length;
    }
    for (size_t index = 0; index < count; index++) {
        const size_t place = ends[(codes[index] >> shift & mask) >> rest]++;
        __builtin_prefetch(scratch + place + 2 * line_words, 1);
        scratch[place] = codes[index];
    }
    memset(starts, 0, (buckets + 1) * sizeof(uint32_t));
    uint32_t first = 0;
    for (size_t part = 0; part < digits; part++) {
        const uint32_t end = (uint32_t)ends[part];
        for (uint32_t index = first; index < end; index++) starts[(scratch[index] >> shift) & mask]++;
        uint32_t place = first;
        for (size_t bucket = part << rest; bucket < (part + 1) << rest; bucket++) {
            const uint32_t length = starts[bucket];
            starts[bucket] = place;
            place += length;
        }
        scatter(scratch, first, end, table, mask);
        first = end;
    }
    // Each start has moved to the next one's: back by one.
    memmove(starts + 1, starts, buckets * sizeof(uint32_t));
    starts[0] = 0;
}

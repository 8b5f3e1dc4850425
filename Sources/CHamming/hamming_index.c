#include "hamming_index.h"

#if defined(__x86_64__)
#include <immintrin.h>
#define HAMMING_X86 1
#endif

// MARK: Codes and places

uint64_t hamming_code(const hamming_table *table, uint64_t bucket, uint32_t place) {
    const uint64_t rest = (uint64_t)table->high[place] << 32 | table->low[place];
    const unsigned end = table->shift + table->bits;
    return (end < 64 ? rest >> table->shift << end : 0) | bucket << table->shift | (rest & (((uint64_t)1 << table->shift) - 1));
}

static uint32_t place_of(const hamming_table *table, uint64_t code) {
    const uint64_t bucket = code >> table->shift;
    uint32_t low = table->starts[bucket], end = table->starts[bucket + 1];
    while (low < end) {
        uint32_t middle = low + (end - low) / 2;
        if (hamming_code(table, bucket, middle) < code) low = middle + 1;
        else end = middle;
    }
    return low;
}

void hamming_places(const hamming_index *index, const hamming_posting *postings, hamming_found *found, size_t count) {
    enum { near = 4, far = 8 };
    const hamming_table *table = &index->tables[0];
    for (size_t number = 0; number < count; number++) {
        if (number + far < count) __builtin_prefetch(table->starts + (found[number + far].code >> table->shift));
        if (number + near < count) {
            const uint64_t bucket = found[number + near].code >> table->shift;
            const uint32_t middle = table->starts[bucket] + (table->starts[bucket + 1] - table->starts[bucket]) / 2;
            __builtin_prefetch(table->low + middle);
            __builtin_prefetch(table->high + middle);
        }
        if (found[number].place == hamming_no_place) found[number].place = place_of(table, found[number].code);
        __builtin_prefetch(postings + found[number].place);
    }
}

// MARK: Looking through a bucket

typedef struct {
    const hamming_index *index;
    const hamming_table *table;
    unsigned number;
    uint64_t query;
    uint32_t query_low;
    uint16_t query_high;
    const int8_t *reach;
    // Whether codes that the table itself has shown are passed over too.
    int passes_own;
    unsigned limit;
    hamming_found *found;
    size_t capacity, count;
} looking;

static looking looking_at(const hamming_index *index, unsigned number, uint64_t query, const int8_t *reach, int passes_own, unsigned limit,
                          hamming_found *found, size_t capacity) {
    const hamming_table *table = &index->tables[number];
    const unsigned end = table->shift + table->bits;
    const uint64_t rest = (end < 64 ? query >> end << table->shift : 0) | (query & (((uint64_t)1 << table->shift) - 1));
    looking looking = {index, table, number, query, (uint32_t)rest, (uint16_t)(rest >> 32), reach, passes_own, limit, found, capacity, 0};
    return looking;
}

// From so many bits left of the limit on, the lower column alone lets too many codes through: both are read.
enum { both_columns_from = 7 };

// `place` is near by the columns that were read.
static inline void take(looking *l, uint64_t bucket, uint32_t place) {
    const uint64_t code = hamming_code(l->table, bucket, place), difference = code ^ l->query;
    const unsigned distance = (unsigned)__builtin_popcountll(difference);
    if (distance > l->limit) return;
    for (unsigned other = 0; other < l->index->table_count; other++) {
        if (other == l->number && !l->passes_own) continue;
        const hamming_table *table = &l->index->tables[other];
        const uint64_t part = (difference >> table->shift) & (((uint64_t)1 << table->bits) - 1);
        if (__builtin_popcountll(part) <= l->reach[other]) return;
    }
    if (l->count < l->capacity) {
        hamming_found found = {code, l->number == 0 ? place : hamming_no_place, distance};
        l->found[l->count] = found;
    }
    l->count++;
}

static inline void look_portable(looking *l, uint64_t bucket, unsigned shell, uint32_t first, uint32_t last) {
    for (uint32_t place = first; place < last; place++) {
        if (shell + (unsigned)__builtin_popcount(l->table->low[place] ^ l->query_low) <= l->limit) take(l, bucket, place);
    }
}

#if HAMMING_X86

// The bits of each byte.
__attribute__((target("avx2"), always_inline)) static inline __m256i byte_counts(__m256i bits) {
    const __m256i table = _mm256_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4, 0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4);
    const __m256i mask = _mm256_set1_epi8(0x0F);
    return _mm256_add_epi8(_mm256_shuffle_epi8(table, _mm256_and_si256(bits, mask)),
                           _mm256_shuffle_epi8(table, _mm256_and_si256(_mm256_srli_epi16(bits, 4), mask)));
}

// Sums of the four bytes of each 32-bit lane.
__attribute__((target("avx2"), always_inline)) static inline __m256i lane_sums(__m256i counts) {
    return _mm256_madd_epi16(_mm256_maddubs_epi16(counts, _mm256_set1_epi8(1)), _mm256_set1_epi16(1));
}

// Eight codes a time; `both`: by 48 bits instead of 32.
__attribute__((target("avx2,popcnt"), always_inline)) static inline void look_at_columns(looking *l, uint64_t bucket, unsigned shell, uint32_t first,
                                                                                       uint32_t last, int both) {
    const uint32_t *low = l->table->low;
    const uint16_t *high = l->table->high;
    const __m256i wanted = _mm256_set1_epi32((int)l->query_low), wanted_high = _mm256_set1_epi32(l->query_high);
    const __m256i beyond = _mm256_set1_epi32((int)(l->limit - shell) + 1);
    for (uint32_t place = first; place < last; place += 8) {
        __m256i counts = byte_counts(_mm256_xor_si256(_mm256_loadu_si256((const __m256i *)(low + place)), wanted));
        if (both) {
            __m256i upper = _mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)(high + place)));
            counts = _mm256_add_epi8(counts, byte_counts(_mm256_xor_si256(upper, wanted_high)));
        }
        unsigned near = (unsigned)_mm256_movemask_ps(_mm256_castsi256_ps(_mm256_cmpgt_epi32(beyond, lane_sums(counts))));
        if (last - place < 8) near &= (1u << (last - place)) - 1;
        while (__builtin_expect(near != 0, 0)) {
            take(l, bucket, place + (uint32_t)__builtin_ctz(near));
            near &= near - 1;
        }
    }
}

__attribute__((target("avx2,popcnt"))) static void look_avx2(looking *l, uint64_t bucket, unsigned shell, uint32_t first, uint32_t last) {
    if (l->limit - shell >= both_columns_from) look_at_columns(l, bucket, shell, first, last, 1);
    else look_at_columns(l, bucket, shell, first, last, 0);
}

__attribute__((target("avx512f,avx512vpopcntdq,popcnt"))) static inline void look_avx512(looking *l, uint64_t bucket, unsigned shell, uint32_t first,
                                                                                        uint32_t last) {
    const uint32_t *low = l->table->low;
    const __m512i wanted = _mm512_set1_epi32((int)l->query_low), limit = _mm512_set1_epi32((int)(l->limit - shell));
    for (uint32_t place = first; place < last; place += 16) {
        const __mmask16 lanes = last - place < 16 ? (__mmask16)((1u << (last - place)) - 1) : (__mmask16)0xFFFF;
        __m512i difference = _mm512_xor_si512(_mm512_maskz_loadu_epi32(lanes, low + place), wanted);
        unsigned near = _mm512_mask_cmple_epu32_mask(lanes, _mm512_popcnt_epi32(difference), limit);
        while (__builtin_expect(near != 0, 0)) {
            take(l, bucket, place + (uint32_t)__builtin_ctz(near));
            near &= near - 1;
        }
    }
}

#endif

// MARK: Many buckets

enum { batch = 32, ahead = 4, line_codes = 16, most_ahead = 12 * line_codes };

static inline void prefetch_bucket(const hamming_table *table, uint32_t first, uint32_t last, int both) {
    if (last - first > most_ahead) last = first + most_ahead;
    for (uint32_t place = first; place < last; place += line_codes) __builtin_prefetch(table->low + place);
    if (!both) return;
    for (uint32_t place = first; place < last; place += 2 * line_codes) __builtin_prefetch(table->high + place);
}

// The bucket numbers are made ready a batch at a time, so that memory works on many at once.
#define PROBE(name, look, attributes)                                                                                                                \
    attributes static void name(looking *l, unsigned shell) {                                                                                        \
        const uint64_t end = (uint64_t)1 << l->table->bits;                                                                                          \
        const uint64_t centre = (l->query >> l->table->shift) & (end - 1);                                                                           \
        const uint32_t *starts = l->table->starts;                                                                                                   \
        const int both = l->limit - shell >= both_columns_from;                                                                                      \
        uint64_t turned = ((uint64_t)1 << shell) - 1;                                                                                                \
        int more = 1;                                                                                                                                \
        while (more) {                                                                                                                               \
            uint32_t first[batch], last[batch], bucket[batch];                                                                                       \
            unsigned length = 0;                                                                                                                     \
            while (length < batch && more) {                                                                                                         \
                bucket[length] = (uint32_t)(centre ^ turned);                                                                                        \
                __builtin_prefetch(starts + bucket[length]);                                                                                         \
                length++;                                                                                                                            \
                if (turned == 0) {                                                                                                                   \
                    more = 0;                                                                                                                        \
                } else {                                                                                                                             \
                    /* The next number with as many bits (Gosper). */                                                                                \
                    uint64_t lowest = turned & -turned, ripple = turned + lowest;                                                                    \
                    turned = ripple | (((turned ^ ripple) >> 2) >> __builtin_ctzll(lowest));                                                         \
                    more = turned < end;                                                                                                             \
                }                                                                                                                                    \
            }                                                                                                                                        \
            for (unsigned place = 0; place < length; place++) {                                                                                      \
                first[place] = starts[bucket[place]];                                                                                                \
                last[place] = starts[bucket[place] + 1];                                                                                             \
                if (place < ahead) prefetch_bucket(l->table, first[place], last[place], both);                                                       \
            }                                                                                                                                        \
            for (unsigned place = 0; place < length; place++) {                                                                                      \
                if (place + ahead < length) prefetch_bucket(l->table, first[place + ahead], last[place + ahead], both);                              \
                look(l, bucket[place], shell, first[place], last[place]);                                                                            \
            }                                                                                                                                        \
        }                                                                                                                                            \
    }

PROBE(probe_portable, look_portable, )
#if HAMMING_X86
PROBE(probe_avx2, look_avx2, __attribute__((target("avx2,popcnt"))))
PROBE(probe_avx512, look_avx512, __attribute__((target("avx512f,avx512vpopcntdq,popcnt"))))
#endif

size_t hamming_probe(hamming_kernel kernel, const hamming_index *index, unsigned table, uint64_t query, unsigned shell, const int8_t *reach, unsigned limit,
                     hamming_found *found, size_t capacity) {
    if (shell > limit || shell > index->tables[table].bits) return 0;
    looking l = looking_at(index, table, query, reach, 0, limit, found, capacity);
    switch (kernel) {
#if HAMMING_X86
    case hamming_kernel_avx2: probe_avx2(&l, shell); break;
    case hamming_kernel_avx512_vpopcntdq: probe_avx512(&l, shell); break;
#endif
    default: probe_portable(&l, shell);
    }
    return l.count;
}

void hamming_prefetch(const hamming_index *index, uint64_t query) {
    for (unsigned number = 0; number < index->table_count; number++) {
        const hamming_table *table = &index->tables[number];
        const uint64_t centre = (query >> table->shift) & (((uint64_t)1 << table->bits) - 1);
        for (unsigned bit = 0; bit < table->bits; bit++) __builtin_prefetch(table->starts + (centre ^ (uint64_t)1 << bit));
        prefetch_bucket(table, table->starts[centre], table->starts[centre + 1], 0);
    }
}

#define SCAN(name, look, attributes)                                                                                                                 \
    attributes static void name(looking *l, uint32_t first_bucket, uint32_t end_bucket) {                                                            \
        const uint32_t *starts = l->table->starts;                                                                                                   \
        const uint64_t centre = l->query >> l->table->shift;                                                                                         \
        for (uint32_t bucket = first_bucket; bucket < end_bucket; bucket++) {                                                                        \
            const unsigned shell = (unsigned)__builtin_popcountll(bucket ^ centre);                                                                  \
            /* What is in reach has been shown; what is beyond the limit is not near. */                                                             \
            if ((int)shell <= l->reach[0] || shell > l->limit) continue;                                                                             \
            look(l, bucket, shell, starts[bucket], starts[bucket + 1]);                                                                              \
        }                                                                                                                                            \
    }

SCAN(scan_portable, look_portable, )
#if HAMMING_X86
SCAN(scan_avx2, look_avx2, __attribute__((target("avx2,popcnt"))))
SCAN(scan_avx512, look_avx512, __attribute__((target("avx512f,avx512vpopcntdq,popcnt"))))
#endif

size_t hamming_scan(hamming_kernel kernel, const hamming_index *index, uint32_t first_bucket, uint32_t end_bucket, uint64_t query, const int8_t *reach,
                    unsigned limit, hamming_found *found, size_t capacity) {
    looking l = looking_at(index, 0, query, reach, 1, limit, found, capacity);
    switch (kernel) {
#if HAMMING_X86
    case hamming_kernel_avx2: scan_avx2(&l, first_bucket, end_bucket); break;
    case hamming_kernel_avx512_vpopcntdq: scan_avx512(&l, first_bucket, end_bucket); break;
#endif
    default: scan_portable(&l, first_bucket, end_bucket);
    }
    return l.count;
}

// MARK: All distances

static void histogram_portable(const looking *l, uint64_t *counts) {
    const uint64_t buckets = (uint64_t)1 << l->table->bits;
    for (uint64_t bucket = 0; bucket < buckets; bucket++) {
        const unsigned shell = (unsigned)__builtin_popcountll(bucket ^ l->query >> l->table->shift);
        for (uint32_t place = l->table->starts[bucket]; place < l->table->starts[bucket + 1]; place++) {
            const unsigned low = (unsigned)__builtin_popcount(l->table->low[place] ^ l->query_low);
            counts[shell + low + (unsigned)__builtin_popcount((unsigned)(l->table->high[place] ^ l->query_high))]++;
        }
    }
}

#if HAMMING_X86
__attribute__((target("avx2,popcnt"))) static void histogram_avx2(const looking *l, uint64_t *counts) {
    enum { turns = 4, lanes = 8 };
    uint64_t sums[turns][65] = {{0}};  // In turns, so that no addition waits for the one before.
    const uint32_t *starts = l->table->starts, *low = l->table->low;
    const uint16_t *high = l->table->high;
    const __m256i wanted_low = _mm256_set1_epi32((int)l->query_low), wanted_high = _mm256_set1_epi32(l->query_high);
    const uint64_t buckets = (uint64_t)1 << l->table->bits;
    for (uint64_t bucket = 0; bucket < buckets; bucket++) {
        const unsigned shell = (unsigned)__builtin_popcountll(bucket ^ l->query >> l->table->shift);
        uint32_t place = starts[bucket];
        const uint32_t last = starts[bucket + 1];
        for (; place + lanes <= last; place += lanes) {
            __m256i lower = byte_counts(_mm256_xor_si256(_mm256_loadu_si256((const __m256i *)(low + place)), wanted_low));
            __m256i upper = _mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)(high + place)));
            __m256i distances = lane_sums(_mm256_add_epi8(lower, byte_counts(_mm256_xor_si256(upper, wanted_high))));
            uint32_t out[lanes];
            _mm256_storeu_si256((__m256i *)out, distances);
            for (unsigned lane = 0; lane < lanes; lane++) sums[lane % turns][shell + out[lane]]++;
        }
        for (; place < last; place++) {
            const unsigned lower = (unsigned)__builtin_popcount(low[place] ^ l->query_low);
            sums[place % turns][shell + lower + (unsigned)__builtin_popcount((unsigned)(high[place] ^ l->query_high))]++;
        }
    }
    for (unsigned turn = 0; turn < turns; turn++) {
        for (unsigned distance = 0; distance <= 64; distance++) counts[distance] += sums[turn][distance];
    }
}
#endif

void hamming_index_histogram(hamming_kernel kernel, const hamming_index *index, uint64_t query, uint64_t *counts) {
    const int8_t nothing[hamming_table_limit] = {-1, -1, -1, -1};
    looking l = looking_at(index, 0, query, nothing, 0, 64, 0, 0);
#if HAMMING_X86
    if (kernel != hamming_kernel_portable) {
        histogram_avx2(&l, counts);
        return;
    }
#endif
    (void)kernel;
    histogram_portable(&l, counts);
}

#include "hamming.h"

#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>
#define HAMMING_X86 1
#endif

// MARK: Portable

static void distances_portable(const uint64_t *query, const uint64_t *codes, size_t count, size_t words, uint16_t *distances) {
    for (size_t index = 0; index < count; index++) {
        const uint64_t *code = codes + index * words;
        unsigned sum = 0;
        for (size_t word = 0; word < words; word++) sum += (unsigned)__builtin_popcountll(code[word] ^ query[word]);
        distances[index] = (uint16_t)sum;
    }
}

#if HAMMING_X86

// MARK: AVX2: bits of nibbles by table (Mula, Kurz, Lemire, "Faster population counts using AVX2 instructions")

__attribute__((target("avx2"))) static inline __m256i counts_avx2(__m256i bits) {
    const __m256i table = _mm256_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4, 0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4);
    const __m256i low = _mm256_set1_epi8(0x0F);
    __m256i below = _mm256_shuffle_epi8(table, _mm256_and_si256(bits, low));
    __m256i above = _mm256_shuffle_epi8(table, _mm256_and_si256(_mm256_srli_epi16(bits, 4), low));
    return _mm256_sad_epu8(_mm256_add_epi8(below, above), _mm256_setzero_si256());
}

__attribute__((target("avx2,popcnt"))) static void distances_avx2(const uint64_t *query, const uint64_t *codes, size_t count, size_t words,
                                                                  uint16_t *distances) {
    size_t index = 0;
    if (words == 1) {
        const __m256i wanted = _mm256_set1_epi64x((long long)query[0]);
        for (; index + 4 <= count; index += 4) {
            __m256i sums = counts_avx2(_mm256_xor_si256(_mm256_loadu_si256((const __m256i *)(codes + index)), wanted));
            uint64_t out[4];
            _mm256_storeu_si256((__m256i *)out, sums);
            for (int lane = 0; lane < 4; lane++) distances[index + lane] = (uint16_t)out[lane];
        }
    } else {
        for (; index < count; index++) {
            const uint64_t *code = codes + index * words;
            __m256i sums = _mm256_setzero_si256();
            size_t word = 0;
            for (; word + 4 <= words; word += 4) {
                __m256i difference = _mm256_xor_si256(_mm256_loadu_si256((const __m256i *)(code + word)), _mm256_loadu_si256((const __m256i *)(query + word)));
                sums = _mm256_add_epi64(sums, counts_avx2(difference));
            }
            uint64_t out[4];
            _mm256_storeu_si256((__m256i *)out, sums);
            uint64_t sum = out[0] + out[1] + out[2] + out[3];
            for (; word < words; word++) sum += (uint64_t)__builtin_popcountll(code[word] ^ query[word]);
            distances[index] = (uint16_t)sum;
        }
    }
    distances_portable(query, codes + index * words, count - index, words, distances + index);
}

// MARK: AVX-512 VPOPCNTDQ

__attribute__((target("avx512f,avx512vpopcntdq,popcnt"))) static void distances_avx512(const uint64_t *query, const uint64_t *codes, size_t count,
                                                                                       size_t words, uint16_t *distances) {
    size_t index = 0;
    if (words == 1) {
        const __m512i wanted = _mm512_set1_epi64((long long)query[0]);
        for (; index + 8 <= count; index += 8) {
            __m512i sums = _mm512_popcnt_epi64(_mm512_xor_si512(_mm512_loadu_si512(codes + index), wanted));
            _mm_storeu_si128((__m128i *)(distances + index), _mm512_cvtepi64_epi16(sums));
        }
    } else if (words == 2 || words == 4) {
        // Several codes to a register: neighbouring lanes are added, then every second or fourth is taken.
        const __m512i wanted = words == 2 ? _mm512_broadcast_i32x4(_mm_loadu_si128((const __m128i *)query))
                                          : _mm512_broadcast_i64x4(_mm256_loadu_si256((const __m256i *)query));
        const size_t codes_each = 8 / words;
        for (; index + codes_each <= count; index += codes_each) {
            __m512i sums = _mm512_popcnt_epi64(_mm512_xor_si512(_mm512_loadu_si512(codes + index * words), wanted));
            sums = _mm512_add_epi64(sums, _mm512_shuffle_epi32(sums, _MM_PERM_BADC));
            if (words == 4) sums = _mm512_add_epi64(sums, _mm512_permutex_epi64(sums, 0x4E));
            sums = _mm512_maskz_compress_epi64(words == 2 ? 0x55 : 0x11, sums);
            uint64_t packed = (uint64_t)_mm_cvtsi128_si64(_mm512_cvtepi64_epi16(sums));
            memcpy(distances + index, &packed, codes_each * sizeof(uint16_t));
        }
    } else {
        for (; index < count; index++) {
            const uint64_t *code = codes + index * words;
            __m512i sums = _mm512_setzero_si512();
            for (size_t word = 0; word < words; word += 8) {
                __mmask8 mask = words - word >= 8 ? 0xFF : (__mmask8)((1u << (words - word)) - 1);
                __m512i difference = _mm512_xor_si512(_mm512_maskz_loadu_epi64(mask, code + word), _mm512_maskz_loadu_epi64(mask, query + word));
                sums = _mm512_add_epi64(sums, _mm512_popcnt_epi64(difference));
            }
            distances[index] = (uint16_t)_mm512_reduce_add_epi64(sums);
        }
    }
    distances_portable(query, codes + index * words, count - index, words, distances + index);
}

// Most codes are far away: eight are compared and skipped at a time.
__attribute__((target("avx512f,avx512vpopcntdq,popcnt"))) static size_t within_avx512(const uint64_t *query, const uint64_t *codes, size_t count,
                                                                                      uint16_t radius, uint32_t *places, size_t capacity) {
    size_t found = 0, index = 0;
    const __m512i wanted = _mm512_set1_epi64((long long)query[0]);
    const __m512i limit = _mm512_set1_epi64(radius);
    for (; index + 8 <= count; index += 8) {
        __m512i sums = _mm512_popcnt_epi64(_mm512_xor_si512(_mm512_loadu_si512(codes + index), wanted));
        unsigned near = _mm512_cmple_epu64_mask(sums, limit);
        while (near) {
            if (found < capacity) places[found] = (uint32_t)(index + (unsigned)__builtin_ctz(near));
            found++;
            near &= near - 1;
        }
    }
    for (; index < count; index++) {
        if (__builtin_popcountll(codes[index] ^ query[0]) > radius) continue;
        if (found < capacity) places[found] = (uint32_t)index;
        found++;
    }
    return found;
}

#endif

// MARK: Choosing

int hamming_kernel_is_supported(hamming_kernel kernel) {
    switch (kernel) {
    case hamming_kernel_portable: return 1;
#if HAMMING_X86
    case hamming_kernel_avx2: return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("popcnt");
    case hamming_kernel_avx512_vpopcntdq: return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vpopcntdq") && __builtin_cpu_supports("popcnt");
#endif
    default: return 0;
    }
}

hamming_kernel hamming_best_kernel(void) {
    static int best = -1;
    int known = __atomic_load_n(&best, __ATOMIC_RELAXED);
    if (known >= 0) return (hamming_kernel)known;
    int found = hamming_kernel_portable;
    if (hamming_kernel_is_supported(hamming_kernel_avx2)) found = hamming_kernel_avx2;
    if (hamming_kernel_is_supported(hamming_kernel_avx512_vpopcntdq)) found = hamming_kernel_avx512_vpopcntdq;
    __atomic_store_n(&best, found, __ATOMIC_RELAXED);
    return (hamming_kernel)found;
}

void hamming_distances(hamming_kernel kernel, const uint64_t *query, const uint64_t *codes, size_t count, size_t words, uint16_t *distances) {
    switch (kernel) {
#if HAMMING_X86
    case hamming_kernel_avx2: distances_avx2(query, codes, count, words, distances); return;
    case hamming_kernel_avx512_vpopcntdq: distances_avx512(query, codes, count, words, distances); return;
#endif
    default: distances_portable(query, codes, count, words, distances);
    }
}

void hamming_histogram(hamming_kernel kernel, const uint64_t *query, const uint64_t *codes, size_t count, size_t words, uint64_t *counts) {
    enum { block = 1024 };
    uint16_t distances[block];
    for (size_t start = 0; start < count; start += block) {
        size_t length = count - start < block ? count - start : block;
        hamming_distances(kernel, query, codes + start * words, length, words, distances);
        for (size_t index = 0; index < length; index++) counts[distances[index]]++;
    }
}

size_t hamming_within(hamming_kernel kernel, const uint64_t *query, const uint64_t *codes, size_t count, size_t words, uint16_t radius,
                      uint32_t *places, size_t capacity) {
#if HAMMING_X86
    if (kernel == hamming_kernel_avx512_vpopcntdq && words == 1) return within_avx512(query, codes, count, radius, places, capacity);
#endif
    enum { block = 1024, group = 64 };
    uint16_t distances[block];
    size_t found = 0;
    for (size_t start = 0; start < count; start += block) {
        size_t length = count - start < block ? count - start : block;
        hamming_distances(kernel, query, codes + start * words, length, words, distances);
        for (size_t index = 0; index < length; index += group) {
            size_t end = length - index < group ? length : index + group;
            // Most codes are far away: a group without a near one is passed over. The compiler makes vectors of this loop.
            unsigned near = 0;
            for (size_t place = index; place < end; place++) near += distances[place] <= radius;
            for (size_t place = index; near && place < end; place++) {
                if (distances[place] > radius) continue;
                if (found < capacity) places[found] = (uint32_t)(start + place);
                found++;
            }
        }
    }
    return found;
}

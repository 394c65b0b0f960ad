#include "CLinux.h"

#include <string.h>

// CRC-32C (Castagnoli), reflected polynomial 0x82f63b78.
//
// The processor's crc32 instruction takes eight bytes per cycle but has a latency of three cycles, so a single chain
// uses a third of the throughput. Three chains therefore run over three neighbouring blocks. Tables that multiply a
// remainder by x^(8 * block) combine their results.

enum { long_block = 8192, short_block = 256 };

static uint32_t slices[8][256];
static uint32_t long_shift[4][256];
static uint32_t short_shift[4][256];

// The remainder after `length` more zero bytes.
static uint32_t after_zeros(uint32_t crc, size_t length) {
    for (size_t i = 0; i < length; i++) crc = slices[0][crc & 0xff] ^ (crc >> 8);
    return crc;
}

static void fill_shift(uint32_t table[4][256], size_t length) {
    uint32_t bit[32];
    for (int i = 0; i < 32; i++) bit[i] = after_zeros((uint32_t)1 << i, length);
    for (int byte = 0; byte < 4; byte++)
        for (int value = 0; value < 256; value++) {
            uint32_t sum = 0;
            for (int i = 0; i < 8; i++)
                if (value >> i & 1) sum ^= bit[byte * 8 + i];
            table[byte][value] = sum;
        }
}

__attribute__((constructor)) static void fill_tables(void) {
    for (uint32_t value = 0; value < 256; value++) {
        uint32_t crc = value;
        for (int i = 0; i < 8; i++) crc = crc & 1 ? (crc >> 1) ^ 0x82f63b78u : crc >> 1;
        slices[0][value] = crc;
    }
    for (int slice = 1; slice < 8; slice++)
        for (int value = 0; value < 256; value++)
            slices[slice][value] = slices[0][slices[slice - 1][value] & 0xff] ^ (slices[slice - 1][value] >> 8);
    fill_shift(long_shift, long_block);
    fill_shift(short_shift, short_block);
}

uint32_t weir_crc32c_portable(uint32_t crc, const void *bytes, size_t count) {
    const uint8_t *next = bytes;
    crc = ~crc;
    while (count >= 8) {
        uint32_t low = crc ^ ((uint32_t)next[0] | (uint32_t)next[1] << 8 | (uint32_t)next[2] << 16 | (uint32_t)next[3] << 24);
        crc = slices[7][low & 0xff] ^ slices[6][low >> 8 & 0xff] ^ slices[5][low >> 16 & 0xff] ^ slices[4][low >> 24] ^
              slices[3][next[4]] ^ slices[2][next[5]] ^ slices[1][next[6]] ^ slices[0][next[7]];
        next += 8;
        count -= 8;
    }
    while (count--) crc = slices[0][(crc ^ *next++) & 0xff] ^ (crc >> 8);
    return ~crc;
}

#if defined(__x86_64__)
#include <nmmintrin.h>

static inline uint32_t shift(uint32_t table[4][256], uint32_t crc) {
    return table[0][crc & 0xff] ^ table[1][crc >> 8 & 0xff] ^ table[2][crc >> 16 & 0xff] ^ table[3][crc >> 24];
}

static inline uint64_t load(const uint8_t *from) {
    uint64_t word;
    memcpy(&word, from, 8);
    return word;
}

__attribute__((target("sse4.2"))) static inline uint64_t three_chains(
    uint64_t crc, const uint8_t *next, size_t block, uint32_t table[4][256]
) {
    uint64_t second = 0, third = 0;
    for (size_t i = 0; i < block; i += 8) {
        crc = _mm_crc32_u64(crc, load(next + i));
        second = _mm_crc32_u64(second, load(next + block + i));
        third = _mm_crc32_u64(third, load(next + 2 * block + i));
    }
    crc = shift(table, (uint32_t)crc) ^ second;
    return shift(table, (uint32_t)crc) ^ third;
}

__attribute__((target("sse4.2"))) static uint32_t crc32c_sse42(uint32_t start, const void *bytes, size_t count) {
    const uint8_t *next = bytes;
    uint64_t crc = ~start;
    for (; count >= 3 * long_block; next += 3 * long_block, count -= 3 * long_block)
        crc = three_chains(crc, next, long_block, long_shift);
    for (; count >= 3 * short_block; next += 3 * short_block, count -= 3 * short_block)
        crc = three_chains(crc, next, short_block, short_shift);
    for (; count >= 8; next += 8, count -= 8) crc = _mm_crc32_u64(crc, load(next));
    for (; count > 0; next++, count--) crc = _mm_crc32_u8((uint32_t)crc, *next);
    return ~(uint32_t)crc;
}

uint32_t weir_crc32c(uint32_t crc, const void *bytes, size_t count) {
    return __builtin_cpu_supports("sse4.2") ? crc32c_sse42(crc, bytes, count) : weir_crc32c_portable(crc, bytes, count);
}
#else
uint32_t weir_crc32c(uint32_t crc, const void *bytes, size_t count) { return weir_crc32c_portable(crc, bytes, count); }
#endif

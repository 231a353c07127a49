
/* 64-bit ARM: instructions that take one of four weights from a vector, and that narrow with saturation.

   WEIGHTS(k, w, count) gets up to four weights at w ready; DOT4(acc, x, k, lane) adds the dot products by one of them. */
#if defined(__aarch64__) && defined(__ARM_NEON) && VL == 4
#include <arm_neon.h>
/* Four channels to a word: to the nearest integers, halves to even, 16 bits, bytes, and each pixel's four side by side */
INLINE vu quantized4_narrowed(const vf *y, int zero, int top)
{
    static const uint8_t order[16] = {0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15};
    int16x8_t half[2];
    for (int i = 0; i < 2; i++) {
        const int16x4_t first = vqmovn_s32(vcvtnq_s32_f32((float32x4_t)y[2 * i]));
        half[i] = vqmovn_high_s32(first, vcvtnq_s32_f32((float32x4_t)y[2 * i + 1]));
        if (zero) half[i] = vqaddq_s16(half[i], vdupq_n_s16((int16_t)zero));
    }
    uint8x16_t packed = vqmovun_high_s16(vqmovun_s16(half[0]), half[1]);
    if (top < 255) packed = vminq_u8(packed, vdupq_n_u8((uint8_t)top));
    return (vu)vqtbl1q_u8(packed, vld1q_u8(order));
}
#define quantized4 quantized4_narrowed
#endif
#if defined(__ARM_FEATURE_DOTPROD) && defined(__aarch64__) && VL == 4
#define BY_LANES
typedef struct { int32_t word[64]; } __attribute__((may_alias)) words_at;
#define FETCH(v, p, n) \
    __asm__ volatile("ldr %q0, [%1, %2]" : "=w"(v) : "r"(p), "i"(4 * (n)), "m"(*(const words_at *)(const void *)(p)))
#define SIGNED(x) __asm__ volatile("eor %0.16b, %0.16b, %1.16b" : "+w"(x) : "w"((vi){0} + (int32_t)0x80808080))
#define DOT4(acc, x, k, lane) __asm__ volatile("sdot %0.4s, %1.16b, %2.4b[" #lane "]" : "+w"(acc) : "w"(x), "w"(k))
#endif

/* golden_w8a8: 1 channel(s), 2x. Made by pocketsr; do not edit.

   Compile it with -O3 -march=x86-64-v3, by gcc or clang.
   Without vectors of 8 floats it is right too, and slow: gcc -O3 alone took 37 times as long as with
   -march=native.

   The whole network runs in bands of 4 input rows. Each value keeps only the rows that are still needed, in a
   ring, so that the working set stays in the cache and no feature map is ever stored whole. A vector holds
   8 pixels of a row, 1 apart; weights are broadcast, so no lane ever moves.

   step0_read: the input as floats
   step1_QuantizeLinear0: 'QuantizeLinear0': 1 -> 1 channels, Quantize; delay 0 rows, ring of 6, prologue 3 bands
   step2_Conv5: 'Conv5': 1 -> 4 channels, 3x3, direct, integers in floats, 4 channels x 3 vectors in registers, edges replicated, Prelu, Quantize; delay 1 rows, ring of 6, prologue 2 bands
   step3_Conv12: 'Conv12': 4 -> 4 channels, 3x3, direct, integers in words, 4 channels x 3 vectors in registers, edges replicated, Prelu, Quantize; delay 2 rows, ring of 6, prologue 1 bands
   step4_Conv19: 'Conv19': 4 -> 4 channels, 3x3, direct, integers in words, 4 channels x 3 vectors in registers, edges replicated, Combine; delay 3 rows, ring of 4, prologue 0 bands
*/
#define VL 8

/* Vectors of pixels, in plain C11 with the vector extensions of gcc and clang. */
#include <stddef.h>
#include <stdint.h>

#ifdef _WIN32
int DllMainCRTStartup(void *library, unsigned reason, void *reserved); /* a library without a C runtime */
int DllMainCRTStartup(void *library, unsigned reason, void *reserved)
{
    (void)library; (void)reason; (void)reserved;
    return 1;
}
#endif

#if (VL == 16 && !defined(__AVX512F__)) || (VL == 8 && !defined(__AVX__)) || \
    (VL == 4 && !defined(__SSE2__) && !defined(__ARM_NEON) && !defined(__wasm_simd128__))
#pragma GCC warning "no vectors of VL floats: this will be many times slower; see the flags in the first comment"
#endif

typedef float vf __attribute__((vector_size(4 * VL)));
typedef int32_t vi __attribute__((vector_size(4 * VL)));
typedef uint8_t vb __attribute__((vector_size(VL)));
typedef uint16_t vh __attribute__((vector_size(2 * VL)));

#define INLINE static inline __attribute__((always_inline, unused))
#define UNROLL _Pragma("GCC unroll 32")
#define SPLAT(x) ((x) - (vf){0}) /* x - 0 is x for every x, so no subtraction is left */
#ifndef __has_builtin
#define __has_builtin(x) 0
#endif

INLINE vf load(const float *p) { vf v; __builtin_memcpy(&v, p, sizeof v); return v; }
INLINE void store(float *p, vf v) { __builtin_memcpy(p, &v, sizeof v); }
INLINE int least(int a, int b) { return a < b ? a : b; }

#if __has_builtin(__builtin_elementwise_max)
INLINE vf vmax(vf a, vf b) { return __builtin_elementwise_max(a, b); }
INLINE vf vmin(vf a, vf b) { return __builtin_elementwise_min(a, b); }
#else
INLINE vf vmax(vf a, vf b) { for (int i = 0; i < VL; i++) a[i] = a[i] > b[i] ? a[i] : b[i]; return a; }
INLINE vf vmin(vf a, vf b) { for (int i = 0; i < VL; i++) a[i] = a[i] < b[i] ? a[i] : b[i]; return a; }
#endif
INLINE vf clip(vf x, float low, float high) { return vmin(vmax(x, SPLAT(low)), SPLAT(high)); }
/* PReLU in two instructions: x + (slope - 1) * min(x, 0) */
INLINE vf prelu(vf x, vf slope_less_1) { return x + slope_less_1 * vmin(x, SPLAT(0.0f)); }

/* e^x to about 1 unit in the last place (Cephes expf), for the activations that need it */
INLINE vf vexp(vf x)
{
    x = clip(x, -87.0f, 88.0f);
    /* adding and taking away 1.5 * 2^23 rounds to the nearest integer */
    vf f = (x * 1.44269504f + 12582912.0f) - 12582912.0f;
    vi n = __builtin_convertvector(f, vi);
    vf r = x - f * 0.693359375f + f * 2.12194440e-4f;
    vf p = ((((1.9875691500e-4f * r + 1.3981999507e-3f) * r + 8.3334519073e-3f) * r + 4.1665795894e-2f) * r
            + 1.6666665459e-1f) * r + 5.0000001201e-1f;
    vi power = (n + 127) << 23;
    vf scale;
    __builtin_memcpy(&scale, &power, sizeof scale);
    return (p * r * r + r + 1.0f) * scale;
}
INLINE vf vsigmoid(vf x) { return 1.0f / (1.0f + vexp(-x)); }
INLINE vf vtanh(vf x) { return 1.0f - 2.0f / (1.0f + vexp(2.0f * x)); }
INLINE vf vabs(vf x) { return vmax(x, -x); }
/* 1 / sqrt(x) by Newton's steps from a guess made of its bits, then Heron's step to a root good to the last place */
INLINE vf vsqrt(vf x)
{
    vi bits;
    vf r, root;
    __builtin_memcpy(&bits, &x, sizeof bits);
    bits = 0x5f375a86 - (bits >> 1);
    __builtin_memcpy(&r, &bits, sizeof r);
    for (int i = 0; i < 3; i++) r = r * (1.5f - 0.5f * x * r * r);
    root = x * r;
    return root + 0.5f * r * (x - root * root);
}
/* erf to 1.5e-7 (Abramowitz and Stegun 7.1.26) */
INLINE vf verf(vf x)
{
    vf a = vabs(x), t = 1.0f / (1.0f + 0.3275911f * a);
    vf y = ((((1.061405429f * t - 1.453152027f) * t + 1.421413741f) * t - 0.284496736f) * t + 0.254829592f) * t;
    y = 1.0f - y * vexp(-a * a);
    return y * (clip(x * 1e30f, -1.0f, 1.0f));
}

/* the lower and the upper half of a0 b0 a1 b1 a2 b2 ..., and every other element of a then b */
#define PICK(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#if VL == 4
#define ZIP_LOW(a, b) PICK(a, b, 0, 4, 1, 5)
#define ZIP_HIGH(a, b) PICK(a, b, 2, 6, 3, 7)
#define EVEN(a, b) PICK(a, b, 0, 2, 4, 6)
#define ODD(a, b) PICK(a, b, 1, 3, 5, 7)
#elif VL == 8
#define ZIP_LOW(a, b) PICK(a, b, 0, 8, 1, 9, 2, 10, 3, 11)
#define ZIP_HIGH(a, b) PICK(a, b, 4, 12, 5, 13, 6, 14, 7, 15)
#define EVEN(a, b) PICK(a, b, 0, 2, 4, 6, 8, 10, 12, 14)
#define ODD(a, b) PICK(a, b, 1, 3, 5, 7, 9, 11, 13, 15)
#else
#define ZIP_LOW(a, b) PICK(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23)
#define ZIP_HIGH(a, b) PICK(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31)
#define EVEN(a, b) PICK(a, b, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30)
#define ODD(a, b) PICK(a, b, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31)
#endif

/* Integers: a byte a channel, four channels to a 32-bit lane, the first in the lowest byte. */

typedef uint32_t vu __attribute__((vector_size(4 * VL)));

/* BARRIER(v): an optimization barrier. v has to exist, as it is, at this place, so no product is contracted with a
   sum (fused multiply-add), and no common sums are found. */
#if defined(__AVX512F__)
#define BARRIER(v) __asm__("" : "+v"(v))
#elif defined(__x86_64__) && (VL == 4 || (VL == 8 && defined(__AVX__)))
#define BARRIER(v) __asm__("" : "+x"(v))
#elif defined(__ARM_NEON) && VL == 4
#define BARRIER(v) __asm__("" : "+w"(v))
#elif defined(__wasm__) /* which has no instruction that would contract them */
#define BARRIER(v)
#else /* vectors wider than the machine's */
#define BARRIER(v) __asm__("" : "+m"(v))
#endif
/* a * b, rounded: every machine gives the same bits */
INLINE vf times(vf a, vf b)
{
    vf y = a * b;
    BARRIER(y);
    return y;
}

INLINE vi load_words(const float *p) { vi v; __builtin_memcpy(&v, p, sizeof v); return v; }
INLINE void store_words(float *p, vu v) { __builtin_memcpy(p, &v, sizeof v); }
INLINE float word(int32_t bits) { float x; __builtin_memcpy(&x, &bits, sizeof x); return x; }
INLINE vf load_bytes(const float *p, ptrdiff_t at)
{
    vb v;
    __builtin_memcpy(&v, (const uint8_t *)p + at, sizeof v);
    return __builtin_convertvector(v, vf);
}
INLINE void store_bytes(float *p, ptrdiff_t at, vu v)
{
    vb bytes = __builtin_convertvector(v, vb);
    __builtin_memcpy((uint8_t *)p + at, &bytes, sizeof bytes);
}
/* The channel `shift` bits up in the words of row p; -1 for a row of floats, -2 for one of bytes */
INLINE vf number(const float *p, ptrdiff_t at, int shift)
{
    if (shift == -1) return load(p + at);
    if (shift == -2) return load_bytes(p, at);
    return __builtin_convertvector((load_words(p + at) >> shift) & 255, vf);
}
/* 1.5 * 2^23 + y for |y| < 2^22: the last bits of the sum are y as an integer, halves rounded to even */
#define ROUNDER 12582912.0f
#define ROUNDER_BITS 0x4b400000
INLINE vf rounded(vf y) { return (y + ROUNDER) - ROUNDER; }
/* rint(y) + zero, no less than 0 and no more than top */
INLINE vu quantized(vf y, int zero, int top)
{
    vu bits;
    y = clip(y, (float)-zero, (float)(top - zero)) + ROUNDER;
    __builtin_memcpy(&bits, &y, sizeof bits);
    return bits + (uint32_t)(zero - ROUNDER_BITS);
}
#if (VL == 16 && defined(__AVX512BW__)) || (VL == 8 && defined(__AVX2__))
/* Four channels to a word, by packing with saturation: 16 bits, then bytes, then each pixel's four side by side */
INLINE vi nearest(vf y)
{
    vi n;
    y = vmin(y, SPLAT(32767.0f)); /* beyond 2^31 the conversion gives the lowest number: right for negative ones only */
    __asm__("vcvtps2dq %1, %0" : "=v"(n) : "v"(y));
    return n;
}
INLINE vu quantized4(const vf *y, int zero, int top)
{
    const int pair = (zero & 65535) | (int)((uint32_t)zero << 16), most = top * 0x01010101;
    vi low, high, packed, place;
    for (int i = 0; i < VL; i++) place[i] = 0x0c080400 + 0x01010101 * (i % 4);
    __asm__("vpackssdw %2, %1, %0" : "=v"(low) : "v"(nearest(y[0])), "v"(nearest(y[1])));
    __asm__("vpackssdw %2, %1, %0" : "=v"(high) : "v"(nearest(y[2])), "v"(nearest(y[3])));
    if (zero) {
        __asm__("vpaddsw %1, %0, %0" : "+v"(low) : "v"(pair - (vi){0}));
        __asm__("vpaddsw %1, %0, %0" : "+v"(high) : "v"(pair - (vi){0}));
    }
    __asm__("vpackuswb %2, %1, %0" : "=v"(packed) : "v"(low), "v"(high));
    if (top < 255) __asm__("vpminub %1, %0, %0" : "+v"(packed) : "v"(most - (vi){0}));
    __asm__("vpshufb %1, %0, %0" : "+v"(packed) : "v"(place));
    return (vu)packed;
}
#else
INLINE vu quantized4(const vf *y, int zero, int top)
{
    return quantized(y[0], zero, top) | quantized(y[1], zero, top) << 8 | quantized(y[2], zero, top) << 16
        | quantized(y[3], zero, top) << 24;
}
#endif
/* PReLU of slopes up to 1, and of any slope */
INLINE vf prelu_low(vf x, vf slope) { return vmax(x, times(x, slope)); }
INLINE vf prelu_any(vf x, vf slope) { return vmax(x, SPLAT(0.0f)) + times(vmin(x, SPLAT(0.0f)), slope); }

/* acc + the sum of four products of an unsigned byte of x and a signed one of w.

   WORDS(a, b, c, d) is how four weights lie in a table, PARTS words of it; START(b, s) is what a sum of weights s and
   bias b starts from. `spread` gets a vector of pixels ready once for all output channels. */
#define BYTE(x, place) ((uint32_t)((x) & 255) << 8 * (place))
#define FOUR_BYTES(a, b, c, d) (int32_t)(BYTE(a, 0) | BYTE(b, 1) | BYTE(c, 2) | BYTE(d, 3))
#define TWO_HALVES(a, b) (int32_t)((uint32_t)((a) & 65535) | (uint32_t)((b) & 65535) << 16)
#if (defined(__AVX512VNNI__) && VL == 16) || (defined(__AVXVNNI__) && VL == 8)
#define PARTS 1
#define WORDS(a, b, c, d) FOUR_BYTES(a, b, c, d)
#define START(b, s) (b)
typedef struct { vi part[PARTS]; } bytes;
INLINE bytes spread(vi x) { return (bytes){{x}}; }
INLINE vi dot4(vi acc, bytes x, const int32_t *w)
{
    const vi k = w[0] - (vi){0};
#if VL == 16
    __asm__("vpdpbusd %2, %1, %0" : "+v"(acc) : "v"(x.part[0]), "v"(k));
#else
    __asm__("%{vex%} vpdpbusd %2, %1, %0" : "+x"(acc) : "x"(x.part[0]), "x"(k));
#endif
    return acc;
}
#elif defined(__ARM_FEATURE_DOTPROD) && VL == 4 && defined(__aarch64__)
/* sdot takes two signed bytes: x - 128 in place of x, and 128 s in the start */
#define PARTS 1
#define WORDS(a, b, c, d) FOUR_BYTES(a, b, c, d)
#define START(b, s) ((b) + 128 * (s))
typedef struct { vi part[PARTS]; } bytes;
INLINE bytes spread(vi x) { return (bytes){{x ^ (int32_t)0x80808080}}; }
INLINE vi dot4(vi acc, bytes x, const int32_t *w)
{
    const vi k = w[0] - (vi){0};
    __asm__("sdot %0.4s, %1.16b, %2.16b" : "+w"(acc) : "w"(x.part[0]), "w"(k));
    return acc;
}
#elif (VL == 4 && (defined(__SSE2__) || defined(__wasm_simd128__))) || (VL == 8 && defined(__AVX2__)) \
    || (VL == 16 && defined(__AVX512BW__))
/* Channels 0 and 2, 1 and 3 as 16-bit halves: two products of halves and their sum at once, which can't overflow */
#define PARTS 2
#define WORDS(a, b, c, d) TWO_HALVES(a, c), TWO_HALVES(b, d)
#define START(b, s) (b)
typedef struct { vi part[PARTS]; } bytes;
typedef int16_t vs __attribute__((vector_size(4 * VL)));
INLINE bytes spread(vi x) { return (bytes){{x & 0x00ff00ff, (x >> 8) & 0x00ff00ff}}; }
INLINE vi dot2(vi x, int32_t w)
{
    vi k = w - (vi){0};
#if defined(__wasm_simd128__)
    return (vi)__builtin_wasm_dot_s_i32x4_i16x8((vs)x, (vs)k);
#elif defined(__AVX512BW__)
    __asm__("vpmaddwd %1, %0, %0" : "+v"(k) : "v"(x));
#elif defined(__AVX__)
    __asm__("vpmaddwd %1, %0, %0" : "+x"(k) : "x"(x));
#else
    __asm__("pmaddwd %1, %0" : "+x"(k) : "x"(x));
#endif
    return k;
}
INLINE vi dot4(vi acc, bytes x, const int32_t *w) { return acc + dot2(x.part[0], w[0]) + dot2(x.part[1], w[1]); }
#else
#define PARTS 4
#define WORDS(a, b, c, d) a, b, c, d
#define START(b, s) (b)
typedef struct { vi part[PARTS]; } bytes;
INLINE bytes spread(vi x) { return (bytes){{x & 255, (x >> 8) & 255, (x >> 16) & 255, (x >> 24) & 255}}; }
INLINE vi dot4(vi acc, bytes x, const int32_t *w)
{
    UNROLL for (int i = 0; i < PARTS; i++) acc += x.part[i] * w[i];
    return acc;
}
#endif

/* Sums of whole vectors: bytes of 4 VL pixels, halves (16 bits) of 2 VL. Wrapping around is what they are for. */
typedef uint8_t bytes4 __attribute__((vector_size(4 * VL)));
typedef uint16_t halves __attribute__((vector_size(4 * VL)));
typedef uint8_t bytes2 __attribute__((vector_size(2 * VL)));

INLINE bytes4 load_bytes4(const float *p, ptrdiff_t at)
{
    bytes4 v;
    __builtin_memcpy(&v, (const uint8_t *)p + at, sizeof v);
    return v;
}
INLINE halves load_halves(const float *p, ptrdiff_t at)
{
    bytes2 v;
    __builtin_memcpy(&v, (const uint8_t *)p + at, sizeof v);
    return __builtin_convertvector(v, halves);
}
INLINE void store_bytes4(float *p, ptrdiff_t at, bytes4 v) { __builtin_memcpy((uint8_t *)p + at, &v, sizeof v); }
INLINE void store_halves(float *p, ptrdiff_t at, halves v)
{
    bytes2 narrowed = __builtin_convertvector(v, bytes2);
    __builtin_memcpy((uint8_t *)p + at, &narrowed, sizeof narrowed);
}
INLINE halves half_of(bytes4 v, int which)
{
    bytes2 half;
    __builtin_memcpy(&half, (const char *)&v + which * sizeof half, sizeof half);
    return __builtin_convertvector(half, halves);
}
INLINE bytes4 narrow(halves low, halves high)
{
    bytes2 parts[2] = {__builtin_convertvector(low, bytes2), __builtin_convertvector(high, bytes2)};
    bytes4 v;
    __builtin_memcpy(&v, parts, sizeof v);
    return v;
}
/* The bytes of *a, `raised` to be no less than 0, are added to s, and *a starts anew */
INLINE void move(bytes4 *a, int raised, halves *s)
{
    const bytes4 v = *a + (uint8_t)raised;
    s[0] += half_of(v, 0);
    s[1] += half_of(v, 1);
    *a = (bytes4){0};
}
/* VL pixels of 4 VL, or of 2 VL */
INLINE vi quarter_of_bytes4(bytes4 v, int which)
{
    vb part;
    __builtin_memcpy(&part, (const char *)&v + which * sizeof part, sizeof part);
    return __builtin_convertvector(part, vi);
}
INLINE vi quarter_of_halves(halves v, int which)
{
    vh part;
    __builtin_memcpy(&part, (const char *)&v + which * sizeof part, sizeof part);
    return __builtin_convertvector(part, vi);
}

#ifndef POCKETSR_GOLDEN_W8A8_H
#define POCKETSR_GOLDEN_W8A8_H
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* 1 plane(s) of w x h pixels in, 1 of 2w x 2h out. Strides count samples.

   A frame has golden_w8a8_bands(h) bands; [first, last) may be cut among threads in any way, each with scratch memory of
   its own of golden_w8a8_scratch(w) bytes. The result does not depend on the cut. u16: `max_value` is the largest sample,
   1023 for 10 bits. f32: values as the network has them, neither rounded nor clipped.

   A part of a frame: `mask` has a byte for each block of 4 rows and 8 columns of the
   input, its rows are `mask_stride` bytes apart, and the picture's edge may cut the last blocks off. With `changed` 0,
   bytes other than 0 say which blocks of the result are wanted: golden_w8a8_u8_part computes those, with the bits that a
   whole run gives them, and leaves the rest of `out` as it is. With `changed` 1 they say which blocks of the input
   differ from the one whose result `out` holds: what depends on them is computed, and `out` is what a whole run gives.
   Without a mask (0) all is computed.

   golden_w8a8_changes puts 1 into `changed` for the blocks in which two planes differ, and leaves its other bytes as they
   are; strides count bytes there, and a sample has `bytes` of them. golden_w8a8_wanted tells which blocks of the
   result changed ones have an effect on: how much work there is, and where frames are best cut. */

size_t golden_w8a8_scratch(int w);
int golden_w8a8_bands(int h);

void golden_w8a8_u8(const uint8_t *in, ptrdiff_t in_stride, ptrdiff_t in_plane, uint8_t *out, ptrdiff_t out_stride, ptrdiff_t out_plane,
    int w, int h, int first, int last, void *scratch);

void golden_w8a8_u16(const uint16_t *in, ptrdiff_t in_stride, ptrdiff_t in_plane, uint16_t *out, ptrdiff_t out_stride, ptrdiff_t out_plane,
    int w, int h, int max_value, int first, int last, void *scratch);

void golden_w8a8_f32(const float *in, ptrdiff_t in_stride, ptrdiff_t in_plane, float *out, ptrdiff_t out_stride, ptrdiff_t out_plane,
    int w, int h, int first, int last, void *scratch);

void golden_w8a8_u8_part(const uint8_t *in, ptrdiff_t in_stride, ptrdiff_t in_plane, uint8_t *out, ptrdiff_t out_stride, ptrdiff_t out_plane,
    int w, int h, int first, int last, void *scratch,
    const uint8_t *mask, ptrdiff_t mask_stride, int changed);

void golden_w8a8_u16_part(const uint16_t *in, ptrdiff_t in_stride, ptrdiff_t in_plane, uint16_t *out, ptrdiff_t out_stride, ptrdiff_t out_plane,
    int w, int h, int max_value, int first, int last, void *scratch,
    const uint8_t *mask, ptrdiff_t mask_stride, int changed);

void golden_w8a8_f32_part(const float *in, ptrdiff_t in_stride, ptrdiff_t in_plane, float *out, ptrdiff_t out_stride, ptrdiff_t out_plane,
    int w, int h, int first, int last, void *scratch,
    const uint8_t *mask, ptrdiff_t mask_stride, int changed);

void golden_w8a8_changes(const void *a, ptrdiff_t a_stride, const void *b, ptrdiff_t b_stride, int w, int h, int bytes,
    uint8_t *changed, ptrdiff_t changed_stride);

void golden_w8a8_wanted(int w, int h, const uint8_t *changed, ptrdiff_t changed_stride, uint8_t *wanted,
    ptrdiff_t wanted_stride);

#ifdef __cplusplus
}
#endif

#endif

typedef struct { int from, to; } span;

typedef struct {
    int w, h;
    ptrdiff_t in_stride, in_plane, out_stride, out_plane;
    const void *in;
    void *out;
    float in_scale, out_scale, top; /* sample to value, value to sample, largest sample */
    ptrdiff_t phase1, stride1; /* floats between phases and between rows at scale 1 */
    float *v0;
    float *v1;
    float *v5;
    float *v9;
    float *v12;
    float *zero; /* rows that stand for what lies outside */
    float *trash, *tile; /* a row for what is outside and written, transformed rows */
    const uint8_t *wanted; /* a mask of blocks; all are wanted where this is 0 */
    ptrdiff_t wanted_stride;
    int grows, above, under, beside; /* whether the mask is of changed blocks, and how far around they have an effect */
    int first_row, last_row; /* of the mask, that are this strip's */
    span *spans;
    uint8_t *any;
} frame;

/* Where column c of a row is: element c / 1 of phase c % 1. */
INLINE ptrdiff_t place(int c, ptrdiff_t phase)
{
    return (c & 0) * phase + (c >> 0);
}

/* The columns of one phase at a scale. */
INLINE int columns(const frame *f, int scale)
{
    return (scale * f->w + 0) / 1;
}

/* Lays the rings out from `base`, each row with 8 floats to spare at its left. Returns the floats needed. */
static size_t lay_out(frame *f, int w, int h, float *base)
{
    ptrdiff_t used = 0;
    f->w = w;
    f->h = h;
    f->phase1 = (columns(f, 1) + VL - 1) / VL * VL + 40;
    f->stride1 = 1 * f->phase1;
    if (f->stride1 / VL % 2 == 0) f->stride1 += VL; /* rows spread over all sets of the cache */
    f->v0 = base + used + 8; used += f->stride1 * 7;
    f->v1 = base + used + 8; used += f->stride1 * 6;
    f->v5 = base + used + 8; used += f->stride1 * 6;
    f->v9 = base + used + 8; used += f->stride1 * 6;
    f->v12 = base + used + 8; used += f->stride1 * 16;
    f->zero = base + used + 8; used += f->stride1;
    f->trash = base + used + 8; used += f->stride1;
    f->tile = base + used; used += 0;
    f->spans = (span *)(void *)(base + used); used += w / 8 + 14;
    f->any = (uint8_t *)(void *)(base + used); used += w / 32 + 8;
    return (size_t)used;
}

INLINE float *v0_row(const frame *f, int y, int c)
{
    return f->v0 + ((ptrdiff_t)(y % 7) * 1 + c) * f->stride1;
}
INLINE const float *v0_at(const frame *f, int y, int c)
{
    if (y < 0 || y >= f->h) return f->zero;
    return v0_row(f, y, c);
}
INLINE float *v0_to(const frame *f, int y, int c)
{
    return y < 0 || y >= f->h ? f->trash : v0_row(f, y, c);
}

INLINE float *v1_row(const frame *f, int y, int c)
{
    return f->v1 + ((ptrdiff_t)(y % 6) * 1 + c) * f->stride1;
}
INLINE const float *v1_at(const frame *f, int y, int c)
{
    y = y < 0 ? 0 : y >= f->h ? f->h - 1 : y;
    return v1_row(f, y, c);
}
INLINE float *v1_to(const frame *f, int y, int c)
{
    return y < 0 || y >= f->h ? f->trash : v1_row(f, y, c);
}

/* 1 columns beyond both borders */
INLINE void v1_border(const frame *f, float *at)
{
    const int w = f->w;
    const ptrdiff_t phase = f->phase1;
    float *const row = (float *)at;
    const float left = row[0], right = row[place(w - 1, phase)];
    for (int i = 0; i < 1; i++) {
        row[place(-1 - i, phase)] = left;
        row[place(w + i, phase)] = right;
    }
}

INLINE float *v5_row(const frame *f, int y, int c)
{
    return f->v5 + ((ptrdiff_t)(y % 6) * 1 + c) * f->stride1;
}
INLINE const float *v5_at(const frame *f, int y, int c)
{
    y = y < 0 ? 0 : y >= f->h ? f->h - 1 : y;
    return v5_row(f, y, c);
}
INLINE float *v5_to(const frame *f, int y, int c)
{
    return y < 0 || y >= f->h ? f->trash : v5_row(f, y, c);
}

/* 1 columns beyond both borders */
INLINE void v5_border(const frame *f, float *at)
{
    const int w = f->w;
    const ptrdiff_t phase = f->phase1;
    float *const row = (float *)at;
    const float left = row[0], right = row[place(w - 1, phase)];
    for (int i = 0; i < 1; i++) {
        row[place(-1 - i, phase)] = left;
        row[place(w + i, phase)] = right;
    }
}

INLINE float *v9_row(const frame *f, int y, int c)
{
    return f->v9 + ((ptrdiff_t)(y % 6) * 1 + c) * f->stride1;
}
INLINE const float *v9_at(const frame *f, int y, int c)
{
    y = y < 0 ? 0 : y >= f->h ? f->h - 1 : y;
    return v9_row(f, y, c);
}
INLINE float *v9_to(const frame *f, int y, int c)
{
    return y < 0 || y >= f->h ? f->trash : v9_row(f, y, c);
}

/* 1 columns beyond both borders */
INLINE void v9_border(const frame *f, float *at)
{
    const int w = f->w;
    const ptrdiff_t phase = f->phase1;
    float *const row = (float *)at;
    const float left = row[0], right = row[place(w - 1, phase)];
    for (int i = 0; i < 1; i++) {
        row[place(-1 - i, phase)] = left;
        row[place(w + i, phase)] = right;
    }
}

INLINE float *v12_row(const frame *f, int y, int c)
{
    return f->v12 + ((ptrdiff_t)(y % 4) * 4 + c) * f->stride1;
}
INLINE const float *v12_at(const frame *f, int y, int c)
{
    if (y < 0 || y >= f->h) return f->zero;
    return v12_row(f, y, c);
}
INLINE float *v12_to(const frame *f, int y, int c)
{
    return y < 0 || y >= f->h ? f->trash : v12_row(f, y, c);
}

/* Columns [from, to) of a row in elements of a phase; the last of several is empty. */
#define EACH(x, turn) \
    for (const span *own = needed; own->from < own->to; own++) \
        for (int x = own->from, until = own->to; x < until; x += (turn))

/* a / b, rounded down */
INLINE int below(int a, int b) { return a >= 0 ? a / b : -((b - 1 - a) / b); }

/* The spans at a scale that the blocks of rows [first, last] of the picture need, with `more` elements on both sides,
   or that changed blocks as far away have an effect on as well; whole rows without a mask. A span is computed in turns
   of `turn` elements: the next one begins behind. Rows of one band often need the same: what was asked last is kept. */
static const span *spans(const frame *f, int first, int last, int scale, int more, int turn)
{
    const int n = columns(f, scale), blocks = (f->w + 7) / 8;
    span *const kept = f->spans, *to = kept + 3;
    if (!f->wanted) {
        to[0] = (span){0, n};
        to[1] = (span){0, 0};
        return to;
    }
    first -= f->above;
    last += f->under;
    more += scale * f->beside;
    if (first < f->first_row) first = f->first_row;
    if (last > f->last_row) last = f->last_row;
    int end = 0;
    const int top = first <= last ? first / 4 : 1, bottom = first <= last ? last / 4 : 0;
    const span asked[3] = {{top, bottom}, {more, turn}, {0, scale}};
    int new = 0;
    for (int i = 0; i < 3; i++) new |= (kept[i].from != asked[i].from) | (kept[i].to != asked[i].to);
    if (!new) return to;
    for (int i = 0; i < 3; i++) kept[i] = asked[i];
    if (top <= bottom) {
        const uint8_t *any = f->wanted + top * f->wanted_stride;
        if (top < bottom) {
            uint8_t *restrict const all = f->any; /* bytes may be anything's: else it is read again for each */
            for (ptrdiff_t i = 0; i < blocks; i++) all[i] = any[i]; /* no memcpy on Windows without a library */
            for (int y = top + 1; y <= bottom; y++) {
                const uint8_t *restrict const row = f->wanted + y * f->wanted_stride;
                for (int i = 0; i < blocks; i++) all[i] |= row[i];
            }
            any = all;
        }
        for (int i = 0; i < blocks; i++) {
            uint64_t eight = 1;
            if (i + 8 <= blocks) __builtin_memcpy(&eight, any + i, 8);
            if (!eight) i += 7;
            if (!eight || !any[i]) continue;
            int from = 8 * scale * i / 1 - more;
            while (i < blocks && any[i]) i++;
            const int until = least(n, 8 * scale * i / 1 + more);
            if (from < end) from = end;
            if (from >= until) continue;
            *to++ = (span){from, until};
            end = from + (until - from + turn - 1) / turn * turn;
        }
    }
    *to = (span){0, 0};
    return kept + 3;
}

void golden_w8a8_changes(const void *a, ptrdiff_t a_stride, const void *b, ptrdiff_t b_stride, int w, int h, int bytes,
    uint8_t *changed, ptrdiff_t changed_stride)
{
    const ptrdiff_t width = (ptrdiff_t)w * bytes, block = 8 * bytes;
    for (int y = 0; y < h; y++) {
        const uint8_t *p = (const uint8_t *)a + y * a_stride, *q = (const uint8_t *)b + y * b_stride;
        uint8_t *to = changed + y / 4 * changed_stride;
        ptrdiff_t x = 0;
        for (; x + block <= width; x += block, to++) {
            uint64_t found = 0;
            for (ptrdiff_t i = 0; i < block; i += 8) {
                uint64_t one, other;
                __builtin_memcpy(&one, p + x + i, 8);
                __builtin_memcpy(&other, q + x + i, 8);
                found |= one ^ other;
            }
            *to |= found != 0;
        }
        for (; x < width; x++) *to |= p[x] != q[x];
    }
}

void golden_w8a8_wanted(int w, int h, const uint8_t *changed, ptrdiff_t changed_stride, uint8_t *wanted,
    ptrdiff_t wanted_stride)
{
    const int columns = (w + 7) / 8, rows = (h + 3) / 4;
    for (int y = 0; y < rows; y++) {
        uint8_t *to = wanted + y * wanted_stride;
        for (int x = 0; x < columns; x++) to[x] = 0;
        for (int from = y - 1 < 0 ? 0 : y - 1; from <= y + 1 && from < rows; from++)
            for (int x = 0; x < columns; x++) to[x] |= changed[from * changed_stride + x] != 0;
        for (int x = 0, left = 0; x < columns; x++) { /* to the right: 2 where it was, 1 where it reaches */
            left = to[x] ? 1 + 1 : left - (left > 0);
            to[x] = (uint8_t)(2 * (to[x] != 0) + (left > 0));
        }
        for (int x = columns - 1, left = 0; x >= 0; x--) {
            left = to[x] & 2 ? 1 + 1 : left - (left > 0);
            to[x] = (uint8_t)((to[x] & 1) | (left > 0));
        }
    }
}

/* out[j][v] = bias[j] + sum over n planes of w * plane: 4 channels x 1 vectors */
INLINE void dot_4x1(int n, const float *const *plane, ptrdiff_t x, const float *w,
    const float *bias, vf out[4][1])
{
    vf k, x0;
    vf a0_0 = SPLAT(bias[0]);
    vf a1_0 = SPLAT(bias[1]);
    vf a2_0 = SPLAT(bias[2]);
    vf a3_0 = SPLAT(bias[3]);
    for (int i = 0; i < n; i++, w += 4) {
        const float *p = plane[i] + x;
        x0 = load(p + 0 * VL);
        k = SPLAT(w[0]); a0_0 += k * x0;
        k = SPLAT(w[1]); a1_0 += k * x0;
        k = SPLAT(w[2]); a2_0 += k * x0;
        k = SPLAT(w[3]); a3_0 += k * x0;
    }
    out[0][0] = a0_0;
    out[1][0] = a1_0;
    out[2][0] = a2_0;
    out[3][0] = a3_0;
}

/* out[j][v] = bias[j] + sum over n planes of w * plane: 4 channels x 2 vectors */
INLINE void dot_4x2(int n, const float *const *plane, ptrdiff_t x, const float *w,
    const float *bias, vf out[4][2])
{
    vf k, x0, x1;
    vf a0_0 = SPLAT(bias[0]), a0_1 = SPLAT(bias[0]);
    vf a1_0 = SPLAT(bias[1]), a1_1 = SPLAT(bias[1]);
    vf a2_0 = SPLAT(bias[2]), a2_1 = SPLAT(bias[2]);
    vf a3_0 = SPLAT(bias[3]), a3_1 = SPLAT(bias[3]);
    for (int i = 0; i < n; i++, w += 4) {
        const float *p = plane[i] + x;
        x0 = load(p + 0 * VL); x1 = load(p + 1 * VL);
        k = SPLAT(w[0]); a0_0 += k * x0; a0_1 += k * x1;
        k = SPLAT(w[1]); a1_0 += k * x0; a1_1 += k * x1;
        k = SPLAT(w[2]); a2_0 += k * x0; a2_1 += k * x1;
        k = SPLAT(w[3]); a3_0 += k * x0; a3_1 += k * x1;
    }
    out[0][0] = a0_0; out[0][1] = a0_1;
    out[1][0] = a1_0; out[1][1] = a1_1;
    out[2][0] = a2_0; out[2][1] = a2_1;
    out[3][0] = a3_0; out[3][1] = a3_1;
}

/* out[j][v] = bias[j] + sum over n planes of w * plane: 4 channels x 3 vectors */
INLINE void dot_4x3(int n, const float *const *plane, ptrdiff_t x, const float *w,
    const float *bias, vf out[4][3])
{
    vf k, x0, x1, x2;
    vf a0_0 = SPLAT(bias[0]), a0_1 = SPLAT(bias[0]), a0_2 = SPLAT(bias[0]);
    vf a1_0 = SPLAT(bias[1]), a1_1 = SPLAT(bias[1]), a1_2 = SPLAT(bias[1]);
    vf a2_0 = SPLAT(bias[2]), a2_1 = SPLAT(bias[2]), a2_2 = SPLAT(bias[2]);
    vf a3_0 = SPLAT(bias[3]), a3_1 = SPLAT(bias[3]), a3_2 = SPLAT(bias[3]);
    for (int i = 0; i < n; i++, w += 4) {
        const float *p = plane[i] + x;
        x0 = load(p + 0 * VL); x1 = load(p + 1 * VL); x2 = load(p + 2 * VL);
        k = SPLAT(w[0]); a0_0 += k * x0; a0_1 += k * x1; a0_2 += k * x2;
        k = SPLAT(w[1]); a1_0 += k * x0; a1_1 += k * x1; a1_2 += k * x2;
        k = SPLAT(w[2]); a2_0 += k * x0; a2_1 += k * x1; a2_2 += k * x2;
        k = SPLAT(w[3]); a3_0 += k * x0; a3_1 += k * x1; a3_2 += k * x2;
    }
    out[0][0] = a0_0; out[0][1] = a0_1; out[0][2] = a0_2;
    out[1][0] = a1_0; out[1][1] = a1_1; out[1][2] = a1_2;
    out[2][0] = a2_0; out[2][1] = a2_1; out[2][2] = a2_2;
    out[3][0] = a3_0; out[3][1] = a3_1; out[3][2] = a3_2;
}

static const int step1_QuantizeLinear0_in_shift[1] = {-1};
static void step1_QuantizeLinear0(const frame *f, int k)
{
    const int top = 4 * k - 0;
    for (int row = top; row < top + 4; row++) {
        if (row < 0 || row >= f->h) continue;
        const span *const needed = spans(f, below(row - 3, 1), below(row + 3, 1), 1, 3, 8);
        if (needed->from == needed->to) continue;
        const float *in[1][1];
        for (int r = 0; r < 1; r++) {
            for (int i = 0; i < 1; i++) in[r][0 + i] = v0_at(f, row + r, 0 + i);
        }
        for (int first = 0; first < 1; first += 1) {
            float *out[1];
            out[first / 1] = v1_row(f, row, first / 1);
            for (int p = 0; p < 1; p++)
                EACH(x, VL) {
                    const ptrdiff_t at = p * f->phase1 + x;
                    for (int j = first; j < least(first + 1, 1); j++) {
                        vf y = number(in[0][j], at, step1_QuantizeLinear0_in_shift[j]);
                        y = times(y, SPLAT(4079.99976f));
                        y = rounded(clip(y, 0.0f, 4080.0f)) + 0.0f;
                        store(out[j] + at, y);
                    }
                }
            v1_border(f, out[first / 1]);
        }
    }
}

static const float step2_Conv5_weight[36] __attribute__((aligned(64))) = {
    -127.0f, -49.0f, 29.0f, 107.0f, -90.0f, -12.0f, 66.0f, -111.0f,
    -53.0f, 25.0f, 103.0f, -74.0f, -16.0f, 62.0f, -115.0f, -37.0f,
    21.0f, 99.0f, -78.0f, 0.0f, 58.0f, -119.0f, -41.0f, 37.0f,
    95.0f, -82.0f, -4.0f, 74.0f, -123.0f, -45.0f, 33.0f, 111.0f,
    -86.0f, -8.0f, 70.0f, -107.0f
};
static const float step2_Conv5_bias[4] __attribute__((aligned(64))) = {
    -99.0f, -62.0f, -25.0f, 12.0f
};
static const float step2_Conv5_step[4] __attribute__((aligned(64))) = {
    6.12745134e-05f, 3.06372567e-05f, 6.12745134e-05f, 3.06372567e-05f
};
static const float step2_Conv5_slope0[4] __attribute__((aligned(64))) = {
    0.0f, 0.125f, 0.25f, 0.375f
};
static void step2_Conv5(const frame *f, int k)
{
    const int top = 4 * k - 1;
    const ptrdiff_t phase = f->phase1;
    for (int y0 = top; y0 < top + 4; y0 += 1) {
    if (y0 + 1 <= 0 || y0 >= f->h) continue;
    const span *const needed = spans(f, below(y0 - 2, 1), below(y0 + 2, 1), 1, 2, 8);
    if (needed->from == needed->to) continue;
    const float *in[3][1];
    for (int r = 0; r < 3; r++) {
        for (int i = 0; i < 1; i++) in[r][0 + i] = v1_at(f, y0 - 1 + r, 0 + i);
    }
    float *out[1][1];
    for (int r = 0; r < 1; r++)
        for (int j = 0; j < 1; j++) out[r][j] = v5_to(f, y0 + r, j);
    for (int p = 0; p < 1; p++) {
    const float *plane[9];
    for (int c = 0; c < 3; c++) {
        const ptrdiff_t at = place(p + c - 1, phase);
        for (int i = 0; i < 1; i++)
            for (int r = 0; r < 3; r++) plane[(i * 3 + r) * 3 + c] = in[r][i] + at;
    }
    /* channels 0 to 3 */
    for (const span *own = needed; own->from < own->to; own++) {
        int x = own->from;
        for (; own->to - x > 2 * VL; x += 3 * VL) {
            vf sum[4][3];
            dot_4x3(9, plane + 0, x, step2_Conv5_weight + 0, step2_Conv5_bias + 0, sum);
            UNROLL for (int v = 0; v < 3; v++) {
                const ptrdiff_t at = p * phase + x + v * VL;
                vf four[4] = {{0}};
                UNROLL for (int j = 0; j < 4; j++) {
                    vf y = times(sum[j][v], SPLAT(step2_Conv5_step[0 + j]));
                    y = prelu_low(y, SPLAT(step2_Conv5_slope0[0 + j]));
                    four[j % 4] = y;
                    if (j % 4 == 3) store_words(out[0][(0 + j) / 4] + at, quantized4(four, 60, 255));
                }
            }
        }
        for (; own->to - x > 1 * VL; x += 2 * VL) {
            vf sum[4][2];
            dot_4x2(9, plane + 0, x, step2_Conv5_weight + 0, step2_Conv5_bias + 0, sum);
            UNROLL for (int v = 0; v < 2; v++) {
                const ptrdiff_t at = p * phase + x + v * VL;
                vf four[4] = {{0}};
                UNROLL for (int j = 0; j < 4; j++) {
                    vf y = times(sum[j][v], SPLAT(step2_Conv5_step[0 + j]));
                    y = prelu_low(y, SPLAT(step2_Conv5_slope0[0 + j]));
                    four[j % 4] = y;
                    if (j % 4 == 3) store_words(out[0][(0 + j) / 4] + at, quantized4(four, 60, 255));
                }
            }
        }
        for (; own->to - x > 0 * VL; x += 1 * VL) {
            vf sum[4][1];
            dot_4x1(9, plane + 0, x, step2_Conv5_weight + 0, step2_Conv5_bias + 0, sum);
            UNROLL for (int v = 0; v < 1; v++) {
                const ptrdiff_t at = p * phase + x + v * VL;
                vf four[4] = {{0}};
                UNROLL for (int j = 0; j < 4; j++) {
                    vf y = times(sum[j][v], SPLAT(step2_Conv5_step[0 + j]));
                    y = prelu_low(y, SPLAT(step2_Conv5_slope0[0 + j]));
                    four[j % 4] = y;
                    if (j % 4 == 3) store_words(out[0][(0 + j) / 4] + at, quantized4(four, 60, 255));
                }
            }
        }
    }
    }
    for (int r = 0; r < 1; r++)
        if (y0 + r >= 0 && y0 + r < f->h)
            for (int j = 0; j < 1; j++) v5_border(f, out[r][j]);
    }
}

static const int32_t step3_Conv12_weight[36 * PARTS] __attribute__((aligned(64))) = {
    WORDS(-127, -49, 29, 107), WORDS(-70, 8, 86, -91), WORDS(-13, 65, -112, -34), WORDS(44, 122, -55, 23),
    WORDS(-90, -12, 66, -111), WORDS(-33, 45, 123, -54), WORDS(24, 102, -75, 3), WORDS(81, -96, -18, 60),
    WORDS(-53, 25, 103, -74), WORDS(4, 82, -95, -17), WORDS(61, -116, -38, 40), WORDS(118, -59, 19, 97),
    WORDS(-16, 62, -115, -37), WORDS(41, 119, -58, 20), WORDS(98, -79, -1, 77), WORDS(-100, -22, 56, -121),
    WORDS(21, 99, -78, 0), WORDS(78, -99, -21, 57), WORDS(-120, -42, 36, 114), WORDS(-63, 15, 93, -84),
    WORDS(58, -119, -41, 37), WORDS(115, -62, 16, 94), WORDS(-83, -5, 73, -104), WORDS(-26, 52, -125, -47),
    WORDS(95, -82, -4, 74), WORDS(-103, -25, 53, -124), WORDS(-46, 32, 110, -67), WORDS(11, 89, -88, -10),
    WORDS(-123, -45, 33, 111), WORDS(-66, 12, 90, -87), WORDS(-9, 69, -108, -30), WORDS(48, 126, -51, 27),
    WORDS(-86, -8, 70, -107), WORDS(-29, 49, 127, -50), WORDS(28, 106, -71, 7), WORDS(85, -92, -14, 64)};
static const int32_t step3_Conv12_start[4] = {START(23121, -387), START(-8162, 135), START(6455, -108), START(-9528, 159)};
static const float step3_Conv12_step[4] __attribute__((aligned(64))) = {
    0.00390625f, 0.001953125f, 0.00390625f, 0.001953125f
};
static const float step3_Conv12_slope0[4] __attribute__((aligned(64))) = {
    0.0f, 0.125f, 0.25f, 0.375f
};
static void step3_Conv12(const frame *f, int k)
{
    const int top = 4 * k - 2;
    const ptrdiff_t phase = f->phase1;
    for (int y0 = top; y0 < top + 4; y0 += 1) {
    if (y0 + 1 <= 0 || y0 >= f->h) continue;
    const span *const needed = spans(f, below(y0 - 1, 1), below(y0 + 1, 1), 1, 1, 8);
    if (needed->from == needed->to) continue;
    const float *in[3][1];
    for (int r = 0; r < 3; r++) {
        for (int i = 0; i < 1; i++) in[r][0 + i] = v5_at(f, y0 - 1 + r, 0 + i);
    }
    float *out[1][1];
    for (int r = 0; r < 1; r++)
        for (int j = 0; j < 1; j++) out[r][j] = v9_to(f, y0 + r, j);
    for (int p = 0; p < 1; p++) {
    const float *plane[9];
    for (int c = 0; c < 3; c++) {
        const ptrdiff_t at = place(p + c - 1, phase);
        for (int i = 0; i < 1; i++)
            for (int r = 0; r < 3; r++) plane[(i * 3 + r) * 3 + c] = in[r][i] + at;
    }
    /* channels 0 to 3 */
    for (const span *own = needed; own->from < own->to; own++) {
        int x = own->from;
        for (; own->to - x > 2 * VL; x += 3 * VL) {
            vi sum[4][3];
            const int32_t *w = step3_Conv12_weight + 0 * PARTS;
            UNROLL for (int j = 0; j < 4; j++)
                UNROLL for (int v = 0; v < 3; v++)
                    sum[j][v] = step3_Conv12_start[0 + j] - (vi){0};
            for (int i = 0; i < 9; i++, w += 4 * PARTS) {
                bytes at[3];
                UNROLL for (int v = 0; v < 3; v++)
                    at[v] = spread(load_words(plane[i] + x + v * VL));
                UNROLL for (int j = 0; j < 4; j++)
                    UNROLL for (int v = 0; v < 3; v++)
                        sum[j][v] = dot4(sum[j][v], at[v], w + j * PARTS);
            }
            UNROLL for (int v = 0; v < 3; v++) {
                const ptrdiff_t at = p * phase + x + v * VL;
                vf four[4] = {{0}};
                UNROLL for (int j = 0; j < 4; j++) {
                    vf y = times(__builtin_convertvector(sum[j][v], vf), SPLAT(step3_Conv12_step[0 + j]));
                    y = prelu_low(y, SPLAT(step3_Conv12_slope0[0 + j]));
                    four[j % 4] = y;
                    if (j % 4 == 3) store_words(out[0][(0 + j) / 4] + at, quantized4(four, 60, 255));
                }
            }
        }
        for (; own->to - x > 1 * VL; x += 2 * VL) {
            vi sum[4][2];
            const int32_t *w = step3_Conv12_weight + 0 * PARTS;
            UNROLL for (int j = 0; j < 4; j++)
                UNROLL for (int v = 0; v < 2; v++)
                    sum[j][v] = step3_Conv12_start[0 + j] - (vi){0};
            for (int i = 0; i < 9; i++, w += 4 * PARTS) {
                bytes at[2];
                UNROLL for (int v = 0; v < 2; v++)
                    at[v] = spread(load_words(plane[i] + x + v * VL));
                UNROLL for (int j = 0; j < 4; j++)
                    UNROLL for (int v = 0; v < 2; v++)
                        sum[j][v] = dot4(sum[j][v], at[v], w + j * PARTS);
            }
            UNROLL for (int v = 0; v < 2; v++) {
                const ptrdiff_t at = p * phase + x + v * VL;
                vf four[4] = {{0}};
                UNROLL for (int j = 0; j < 4; j++) {
                    vf y = times(__builtin_convertvector(sum[j][v], vf), SPLAT(step3_Conv12_step[0 + j]));
                    y = prelu_low(y, SPLAT(step3_Conv12_slope0[0 + j]));
                    four[j % 4] = y;
                    if (j % 4 == 3) store_words(out[0][(0 + j) / 4] + at, quantized4(four, 60, 255));
                }
            }
        }
        for (; own->to - x > 0 * VL; x += 1 * VL) {
            vi sum[4][1];
            const int32_t *w = step3_Conv12_weight + 0 * PARTS;
            UNROLL for (int j = 0; j < 4; j++)
                UNROLL for (int v = 0; v < 1; v++)
                    sum[j][v] = step3_Conv12_start[0 + j] - (vi){0};
            for (int i = 0; i < 9; i++, w += 4 * PARTS) {
                bytes at[1];
                UNROLL for (int v = 0; v < 1; v++)
                    at[v] = spread(load_words(plane[i] + x + v * VL));
                UNROLL for (int j = 0; j < 4; j++)
                    UNROLL for (int v = 0; v < 1; v++)
                        sum[j][v] = dot4(sum[j][v], at[v], w + j * PARTS);
            }
            UNROLL for (int v = 0; v < 1; v++) {
                const ptrdiff_t at = p * phase + x + v * VL;
                vf four[4] = {{0}};
                UNROLL for (int j = 0; j < 4; j++) {
                    vf y = times(__builtin_convertvector(sum[j][v], vf), SPLAT(step3_Conv12_step[0 + j]));
                    y = prelu_low(y, SPLAT(step3_Conv12_slope0[0 + j]));
                    four[j % 4] = y;
                    if (j % 4 == 3) store_words(out[0][(0 + j) / 4] + at, quantized4(four, 60, 255));
                }
            }
        }
    }
    }
    for (int r = 0; r < 1; r++)
        if (y0 + r >= 0 && y0 + r < f->h)
            for (int j = 0; j < 1; j++) v9_border(f, out[r][j]);
    }
}

static const int32_t step4_Conv19_weight[36 * PARTS] __attribute__((aligned(64))) = {
    WORDS(-127, -49, 29, 107), WORDS(-70, 8, 86, -91), WORDS(-13, 65, -112, -34), WORDS(44, 122, -55, 23),
    WORDS(-90, -12, 66, -111), WORDS(-33, 45, 123, -54), WORDS(24, 102, -75, 3), WORDS(81, -96, -18, 60),
    WORDS(-53, 25, 103, -74), WORDS(4, 82, -95, -17), WORDS(61, -116, -38, 40), WORDS(118, -59, 19, 97),
    WORDS(-16, 62, -115, -37), WORDS(41, 119, -58, 20), WORDS(98, -79, -1, 77), WORDS(-100, -22, 56, -121),
    WORDS(21, 99, -78, 0), WORDS(78, -99, -21, 57), WORDS(-120, -42, 36, 114), WORDS(-63, 15, 93, -84),
    WORDS(58, -119, -41, 37), WORDS(115, -62, 16, 94), WORDS(-83, -5, 73, -104), WORDS(-26, 52, -125, -47),
    WORDS(95, -82, -4, 74), WORDS(-103, -25, 53, -124), WORDS(-46, 32, 110, -67), WORDS(11, 89, -88, -10),
    WORDS(-123, -45, 33, 111), WORDS(-66, 12, 90, -87), WORDS(-9, 69, -108, -30), WORDS(48, 126, -51, 27),
    WORDS(-86, -8, 70, -107), WORDS(-29, 49, 127, -50), WORDS(28, 106, -71, 7), WORDS(85, -92, -14, 64)};
static const int32_t step4_Conv19_start[4] = {START(23121, -387), START(-8162, 135), START(6455, -108), START(-9528, 159)};
static const float step4_Conv19_step[4] __attribute__((aligned(64))) = {
    6.10351562e-05f, 3.05175781e-05f, 6.10351562e-05f, 3.05175781e-05f
};
static const int step4_Conv19_other0_shift[4] = {-1, -1, -1, -1};
static void step4_Conv19(const frame *f, int k)
{
    const int top = 4 * k - 3;
    const ptrdiff_t phase = f->phase1;
    for (int y0 = top; y0 < top + 4; y0 += 1) {
    if (y0 + 1 <= 0 || y0 >= f->h) continue;
    const span *const needed = spans(f, below(y0 - 0, 1), below(y0 + 0, 1), 1, 0, 8);
    if (needed->from == needed->to) continue;
    const float *in[3][1];
    for (int r = 0; r < 3; r++) {
        for (int i = 0; i < 1; i++) in[r][0 + i] = v9_at(f, y0 - 1 + r, 0 + i);
    }
    float *out[1][4];
    for (int r = 0; r < 1; r++)
        for (int j = 0; j < 4; j++) out[r][j] = v12_to(f, y0 + r, j);
    const float *other0[1][4];
    for (int r = 0; r < 1; r++) {
        for (int i = 0; i < 4; i++) other0[r][0 + i] = v0_at(f, y0 + r, 0);
    }
    for (int p = 0; p < 1; p++) {
    const float *plane[9];
    for (int c = 0; c < 3; c++) {
        const ptrdiff_t at = place(p + c - 1, phase);
        for (int i = 0; i < 1; i++)
            for (int r = 0; r < 3; r++) plane[(i * 3 + r) * 3 + c] = in[r][i] + at;
    }
    /* channels 0 to 3 */
    for (const span *own = needed; own->from < own->to; own++) {
        int x = own->from;
        for (; own->to - x > 2 * VL; x += 3 * VL) {
            vi sum[4][3];
            const int32_t *w = step4_Conv19_weight + 0 * PARTS;
            UNROLL for (int j = 0; j < 4; j++)
                UNROLL for (int v = 0; v < 3; v++)
                    sum[j][v] = step4_Conv19_start[0 + j] - (vi){0};
            for (int i = 0; i < 9; i++, w += 4 * PARTS) {
                bytes at[3];
                UNROLL for (int v = 0; v < 3; v++)
                    at[v] = spread(load_words(plane[i] + x + v * VL));
                UNROLL for (int j = 0; j < 4; j++)
                    UNROLL for (int v = 0; v < 3; v++)
                        sum[j][v] = dot4(sum[j][v], at[v], w + j * PARTS);
            }
            UNROLL for (int v = 0; v < 3; v++) {
                const ptrdiff_t at = p * phase + x + v * VL;
                UNROLL for (int j = 0; j < 4; j++) {
                    vf y = times(__builtin_convertvector(sum[j][v], vf), SPLAT(step4_Conv19_step[0 + j]));
                    y = y + number(other0[0][0 + j], at, step4_Conv19_other0_shift[0 + j]);
                    store(out[0][0 + j] + at, y);
                }
            }
        }
        for (; own->to - x > 1 * VL; x += 2 * VL) {
            vi sum[4][2];
            const int32_t *w = step4_Conv19_weight + 0 * PARTS;
            UNROLL for (int j = 0; j < 4; j++)
                UNROLL for (int v = 0; v < 2; v++)
                    sum[j][v] = step4_Conv19_start[0 + j] - (vi){0};
            for (int i = 0; i < 9; i++, w += 4 * PARTS) {
                bytes at[2];
                UNROLL for (int v = 0; v < 2; v++)
                    at[v] = spread(load_words(plane[i] + x + v * VL));
                UNROLL for (int j = 0; j < 4; j++)
                    UNROLL for (int v = 0; v < 2; v++)
                        sum[j][v] = dot4(sum[j][v], at[v], w + j * PARTS);
            }
            UNROLL for (int v = 0; v < 2; v++) {
                const ptrdiff_t at = p * phase + x + v * VL;
                UNROLL for (int j = 0; j < 4; j++) {
                    vf y = times(__builtin_convertvector(sum[j][v], vf), SPLAT(step4_Conv19_step[0 + j]));
                    y = y + number(other0[0][0 + j], at, step4_Conv19_other0_shift[0 + j]);
                    store(out[0][0 + j] + at, y);
                }
            }
        }
        for (; own->to - x > 0 * VL; x += 1 * VL) {
            vi sum[4][1];
            const int32_t *w = step4_Conv19_weight + 0 * PARTS;
            UNROLL for (int j = 0; j < 4; j++)
                UNROLL for (int v = 0; v < 1; v++)
                    sum[j][v] = step4_Conv19_start[0 + j] - (vi){0};
            for (int i = 0; i < 9; i++, w += 4 * PARTS) {
                bytes at[1];
                UNROLL for (int v = 0; v < 1; v++)
                    at[v] = spread(load_words(plane[i] + x + v * VL));
                UNROLL for (int j = 0; j < 4; j++)
                    UNROLL for (int v = 0; v < 1; v++)
                        sum[j][v] = dot4(sum[j][v], at[v], w + j * PARTS);
            }
            UNROLL for (int v = 0; v < 1; v++) {
                const ptrdiff_t at = p * phase + x + v * VL;
                UNROLL for (int j = 0; j < 4; j++) {
                    vf y = times(__builtin_convertvector(sum[j][v], vf), SPLAT(step4_Conv19_step[0 + j]));
                    y = y + number(other0[0][0 + j], at, step4_Conv19_other0_shift[0 + j]);
                    store(out[0][0 + j] + at, y);
                }
            }
        }
    }
    }
    }
}

static void u8_read(const frame *f, int k)
{
    for (int y = 4 * k; y < 4 * k + 4; y++) {
        if (y < 0 || y >= f->h) continue;
        const span *const needed = spans(f, below(y - 3, 1), below(y + 3, 1), 1, 3, 8);
        if (needed->from == needed->to) continue;
        for (int c = 0; c < 1; c++) {
            const uint8_t *p = (const uint8_t *)f->in + y * f->in_stride + c * f->in_plane;
            float *row = v0_row(f, y, c);
            EACH(x, VL) {
                const int left = f->w - 1 * x;
                vb v[1] = {{0}};
                if (left >= 1 * VL) __builtin_memcpy(v, p + 1 * x, sizeof v);
                else for (int i = 0; i < left; i++) v[i / VL][i % VL] = p[1 * x + i];
                store(row + 0 * f->phase1 + x, __builtin_convertvector(v[0], vf) * f->in_scale);
            }
        }
    }
}

static void u8_write(const frame *f, int k)
{
    for (int y = 4 * k - 3; y < 4 * k - 3 + 4; y++) {
        if (y < 0 || y >= f->h) continue;
        const span *const needed = spans(f, f->grows ? below(y - 0, 1) : y / 1, f->grows ? below(y + 0, 1) : y / 1, 1, 0, 1);
        if (needed->from == needed->to) continue;
        const float *from[1][4];
        for (int r = 0; r < 1; r++) {
            for (int i = 0; i < 4; i++) from[r][0 + i] = v12_at(f, y + r, 0 + i);
        }
        for (int c = 0; c < 1; c++)
            for (int i = 0; i < 2; i++) {
            uint8_t *to = (uint8_t *)f->out + ((ptrdiff_t)2 * y + i) * f->out_stride + c * f->out_plane;
            EACH(x, VL) {
                const int left = least(2 * f->w, 2 * until) - 2 * x;
                vb s[2];
                UNROLL for (int p = 0; p < 1; p++)
                    UNROLL for (int j = 0; j < 2; j++) {
                        const vf q = load(from[0][c * 4 + i * 2 + j] + p * f->phase1 + x);
                        s[p * 2 + j] = __builtin_convertvector(__builtin_convertvector(clip(times(q, SPLAT(f->out_scale)) + 0.5f, 0.5f, f->top + 0.5f), vi), vb);
                    }
                const vb z0 = ZIP_LOW(s[0], s[1]);
                const vb z1 = ZIP_HIGH(s[0], s[1]);
                const vb z[2] = {z0, z1};
                if (left >= 2 * VL) __builtin_memcpy(to + 2 * x, z, sizeof z);
                else {
                    int i = 0;
                    for (; i + 16 <= left; i += 16)
                        __builtin_memcpy(to + 2 * x + i, (uint8_t *)z + i, 16 * sizeof *to);
                    for (; i < left; i++) to[2 * x + i] = z[i / VL][i % VL];
                }
            }
        }
    }
}

static void u16_read(const frame *f, int k)
{
    for (int y = 4 * k; y < 4 * k + 4; y++) {
        if (y < 0 || y >= f->h) continue;
        const span *const needed = spans(f, below(y - 3, 1), below(y + 3, 1), 1, 3, 8);
        if (needed->from == needed->to) continue;
        for (int c = 0; c < 1; c++) {
            const uint16_t *p = (const uint16_t *)f->in + y * f->in_stride + c * f->in_plane;
            float *row = v0_row(f, y, c);
            EACH(x, VL) {
                const int left = f->w - 1 * x;
                vh v[1] = {{0}};
                if (left >= 1 * VL) __builtin_memcpy(v, p + 1 * x, sizeof v);
                else for (int i = 0; i < left; i++) v[i / VL][i % VL] = p[1 * x + i];
                store(row + 0 * f->phase1 + x, __builtin_convertvector(v[0], vf) * f->in_scale);
            }
        }
    }
}

static void u16_write(const frame *f, int k)
{
    for (int y = 4 * k - 3; y < 4 * k - 3 + 4; y++) {
        if (y < 0 || y >= f->h) continue;
        const span *const needed = spans(f, f->grows ? below(y - 0, 1) : y / 1, f->grows ? below(y + 0, 1) : y / 1, 1, 0, 1);
        if (needed->from == needed->to) continue;
        const float *from[1][4];
        for (int r = 0; r < 1; r++) {
            for (int i = 0; i < 4; i++) from[r][0 + i] = v12_at(f, y + r, 0 + i);
        }
        for (int c = 0; c < 1; c++)
            for (int i = 0; i < 2; i++) {
            uint16_t *to = (uint16_t *)f->out + ((ptrdiff_t)2 * y + i) * f->out_stride + c * f->out_plane;
            EACH(x, VL) {
                const int left = least(2 * f->w, 2 * until) - 2 * x;
                vh s[2];
                UNROLL for (int p = 0; p < 1; p++)
                    UNROLL for (int j = 0; j < 2; j++) {
                        const vf q = load(from[0][c * 4 + i * 2 + j] + p * f->phase1 + x);
                        s[p * 2 + j] = __builtin_convertvector(__builtin_convertvector(clip(times(q, SPLAT(f->out_scale)) + 0.5f, 0.5f, f->top + 0.5f), vi), vh);
                    }
                const vh z0 = ZIP_LOW(s[0], s[1]);
                const vh z1 = ZIP_HIGH(s[0], s[1]);
                const vh z[2] = {z0, z1};
                if (left >= 2 * VL) __builtin_memcpy(to + 2 * x, z, sizeof z);
                else {
                    int i = 0;
                    for (; i + 16 <= left; i += 16)
                        __builtin_memcpy(to + 2 * x + i, (uint16_t *)z + i, 16 * sizeof *to);
                    for (; i < left; i++) to[2 * x + i] = z[i / VL][i % VL];
                }
            }
        }
    }
}

static void f32_read(const frame *f, int k)
{
    for (int y = 4 * k; y < 4 * k + 4; y++) {
        if (y < 0 || y >= f->h) continue;
        const span *const needed = spans(f, below(y - 3, 1), below(y + 3, 1), 1, 3, 8);
        if (needed->from == needed->to) continue;
        for (int c = 0; c < 1; c++) {
            const float *p = (const float *)f->in + y * f->in_stride + c * f->in_plane;
            float *row = v0_row(f, y, c);
            EACH(x, VL) {
                const int left = f->w - 1 * x;
                vf v[1] = {{0}};
                if (left >= 1 * VL) __builtin_memcpy(v, p + 1 * x, sizeof v);
                else for (int i = 0; i < left; i++) v[i / VL][i % VL] = p[1 * x + i];
                store(row + 0 * f->phase1 + x, v[0]);
            }
        }
    }
}

static void f32_write(const frame *f, int k)
{
    for (int y = 4 * k - 3; y < 4 * k - 3 + 4; y++) {
        if (y < 0 || y >= f->h) continue;
        const span *const needed = spans(f, f->grows ? below(y - 0, 1) : y / 1, f->grows ? below(y + 0, 1) : y / 1, 1, 0, 1);
        if (needed->from == needed->to) continue;
        const float *from[1][4];
        for (int r = 0; r < 1; r++) {
            for (int i = 0; i < 4; i++) from[r][0 + i] = v12_at(f, y + r, 0 + i);
        }
        for (int c = 0; c < 1; c++)
            for (int i = 0; i < 2; i++) {
            float *to = (float *)f->out + ((ptrdiff_t)2 * y + i) * f->out_stride + c * f->out_plane;
            EACH(x, VL) {
                const int left = least(2 * f->w, 2 * until) - 2 * x;
                vf s[2];
                UNROLL for (int p = 0; p < 1; p++)
                    UNROLL for (int j = 0; j < 2; j++) {
                        const vf q = load(from[0][c * 4 + i * 2 + j] + p * f->phase1 + x);
                        s[p * 2 + j] = q;
                    }
                const vf z0 = ZIP_LOW(s[0], s[1]);
                const vf z1 = ZIP_HIGH(s[0], s[1]);
                const vf z[2] = {z0, z1};
                if (left >= 2 * VL) __builtin_memcpy(to + 2 * x, z, sizeof z);
                else {
                    int i = 0;
                    for (; i + 16 <= left; i += 16)
                        __builtin_memcpy(to + 2 * x + i, (float *)z + i, 16 * sizeof *to);
                    for (; i < left; i++) to[2 * x + i] = z[i / VL][i % VL];
                }
            }
        }
    }
}

/* Bands [first, last) of the result; earlier bands fill the rings. */
static void run(frame *f, void (*read)(const frame *, int), void (*write)(const frame *, int), int first, int last)
{
    for (int k = first - 3; k < last; k++) {
        read(f, k);
        step1_QuantizeLinear0(f, k);
        if (k >= first - 2) step2_Conv5(f, k);
        if (k >= first - 1) step3_Conv12(f, k);
        if (k >= first - 0) step4_Conv19(f, k);
        if (k >= first) write(f, k);
    }
}

size_t golden_w8a8_scratch(int w)
{
    frame f;
    float none[1];
    return 4 * lay_out(&f, w, 1, none) + 64;
}

int golden_w8a8_bands(int h) { return (1 * h - 1 + 3) / 4 + 1; }

void golden_w8a8_u8_part(const uint8_t *in, ptrdiff_t in_stride, ptrdiff_t in_plane, uint8_t *out, ptrdiff_t out_stride, ptrdiff_t out_plane,
    int w, int h, int first, int last, void *scratch,
    const uint8_t *mask, ptrdiff_t mask_stride, int changed)
{
    frame f;
    lay_out(&f, w, h, (float *)(void *)(((uintptr_t)scratch + 63) & ~(uintptr_t)63));
    f.in = in; f.in_stride = in_stride; f.in_plane = in_plane;
    f.out = out; f.out_stride = out_stride; f.out_plane = out_plane;
    f.top = 255.0f;
    f.in_scale = 1.0f / f.top;
    f.out_scale = f.top / 1.0f;
    for (ptrdiff_t i = 0; i < f.stride1; i++) f.zero[i - 8] = 0.0f;
    f.spans[0].from = -1; /* none were asked for yet */
    f.wanted = mask; f.wanted_stride = mask_stride; f.grows = changed;
    f.above = changed ? 3 : 0; f.under = changed ? 3 : 0; f.beside = changed ? 3 : 0;
    f.first_row = below(4 * first - 3, 1) - f.above;
    f.last_row = below(4 * last - 4, 1) + f.under;
    if (f.first_row < 0) f.first_row = 0;
    if (f.last_row >= h) f.last_row = h - 1;
    run(&f, u8_read, u8_write, first, last);
}

void golden_w8a8_u8(const uint8_t *in, ptrdiff_t in_stride, ptrdiff_t in_plane, uint8_t *out, ptrdiff_t out_stride, ptrdiff_t out_plane,
    int w, int h, int first, int last, void *scratch)
{
    golden_w8a8_u8_part(in, in_stride, in_plane, out, out_stride, out_plane, w, h, first, last, scratch, (const uint8_t *)0, 0, 0);
}

void golden_w8a8_u16_part(const uint16_t *in, ptrdiff_t in_stride, ptrdiff_t in_plane, uint16_t *out, ptrdiff_t out_stride, ptrdiff_t out_plane,
    int w, int h, int max_value, int first, int last, void *scratch,
    const uint8_t *mask, ptrdiff_t mask_stride, int changed)
{
    frame f;
    lay_out(&f, w, h, (float *)(void *)(((uintptr_t)scratch + 63) & ~(uintptr_t)63));
    f.in = in; f.in_stride = in_stride; f.in_plane = in_plane;
    f.out = out; f.out_stride = out_stride; f.out_plane = out_plane;
    f.top = (float)max_value;
    f.in_scale = 1.0f / f.top;
    f.out_scale = f.top / 1.0f;
    for (ptrdiff_t i = 0; i < f.stride1; i++) f.zero[i - 8] = 0.0f;
    f.spans[0].from = -1; /* none were asked for yet */
    f.wanted = mask; f.wanted_stride = mask_stride; f.grows = changed;
    f.above = changed ? 3 : 0; f.under = changed ? 3 : 0; f.beside = changed ? 3 : 0;
    f.first_row = below(4 * first - 3, 1) - f.above;
    f.last_row = below(4 * last - 4, 1) + f.under;
    if (f.first_row < 0) f.first_row = 0;
    if (f.last_row >= h) f.last_row = h - 1;
    run(&f, u16_read, u16_write, first, last);
}

void golden_w8a8_u16(const uint16_t *in, ptrdiff_t in_stride, ptrdiff_t in_plane, uint16_t *out, ptrdiff_t out_stride, ptrdiff_t out_plane,
    int w, int h, int max_value, int first, int last, void *scratch)
{
    golden_w8a8_u16_part(in, in_stride, in_plane, out, out_stride, out_plane, w, h, max_value, first, last, scratch, (const uint8_t *)0, 0, 0);
}

void golden_w8a8_f32_part(const float *in, ptrdiff_t in_stride, ptrdiff_t in_plane, float *out, ptrdiff_t out_stride, ptrdiff_t out_plane,
    int w, int h, int first, int last, void *scratch,
    const uint8_t *mask, ptrdiff_t mask_stride, int changed)
{
    frame f;
    lay_out(&f, w, h, (float *)(void *)(((uintptr_t)scratch + 63) & ~(uintptr_t)63));
    f.in = in; f.in_stride = in_stride; f.in_plane = in_plane;
    f.out = out; f.out_stride = out_stride; f.out_plane = out_plane;
    f.top = 1.0f;
    f.in_scale = 1.0f / f.top;
    f.out_scale = f.top / 1.0f;
    for (ptrdiff_t i = 0; i < f.stride1; i++) f.zero[i - 8] = 0.0f;
    f.spans[0].from = -1; /* none were asked for yet */
    f.wanted = mask; f.wanted_stride = mask_stride; f.grows = changed;
    f.above = changed ? 3 : 0; f.under = changed ? 3 : 0; f.beside = changed ? 3 : 0;
    f.first_row = below(4 * first - 3, 1) - f.above;
    f.last_row = below(4 * last - 4, 1) + f.under;
    if (f.first_row < 0) f.first_row = 0;
    if (f.last_row >= h) f.last_row = h - 1;
    run(&f, f32_read, f32_write, first, last);
}

void golden_w8a8_f32(const float *in, ptrdiff_t in_stride, ptrdiff_t in_plane, float *out, ptrdiff_t out_stride, ptrdiff_t out_plane,
    int w, int h, int first, int last, void *scratch)
{
    golden_w8a8_f32_part(in, in_stride, in_plane, out, out_stride, out_plane, w, h, first, last, scratch, (const uint8_t *)0, 0, 0);
}

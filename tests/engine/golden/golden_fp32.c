/* golden_fp32: 1 channel(s), 2x. Made by pocketsr; do not edit.

   Compile it with -O3 -march=x86-64-v3, by gcc or clang.
   Without vectors of 8 floats it is right too, and slow: gcc -O3 alone took 37 times as long as with
   -march=native.

   The whole network runs in bands of 4 input rows. Each value keeps only the rows that are still needed, in a
   ring, so that the working set stays in the cache and no feature map is ever stored whole. A vector holds
   8 pixels of a row, 1 apart; weights are broadcast, so no lane ever moves.

   step0_read: the input as floats
   step1_Conv1: 'Conv1': 1 -> 4 channels, 3x3, direct, 4 channels x 3 vectors in registers, edges replicated, Prelu; delay 1 rows, ring of 6, prologue 2 bands
   step2_Conv4: 'Conv4': 4 -> 4 channels, 3x3, Winograd F(4, 3) along the rows, 4 channels x 3 vectors in registers, tiles of 216 columns, edges replicated, Prelu; delay 2 rows, ring of 6, prologue 1 bands
   step3_Conv7: 'Conv7': 4 -> 4 channels, 3x3, Winograd F(4, 3) along the rows, 4 channels x 3 vectors in registers, tiles of 216 columns, edges replicated, Combine; delay 3 rows, ring of 4, prologue 0 bands
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


#ifndef POCKETSR_GOLDEN_FP32_H
#define POCKETSR_GOLDEN_FP32_H
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* 1 plane(s) of w x h pixels in, 1 of 2w x 2h out. Strides count samples.

   A frame has golden_fp32_bands(h) bands; [first, last) may be cut among threads in any way, each with scratch memory of
   its own of golden_fp32_scratch(w) bytes. The result does not depend on the cut. u16: `max_value` is the largest sample,
   1023 for 10 bits. f32: values as the network has them, neither rounded nor clipped.

   A part of a frame: `mask` has a byte for each block of 4 rows and 8 columns of the
   input, its rows are `mask_stride` bytes apart, and the picture's edge may cut the last blocks off. With `changed` 0,
   bytes other than 0 say which blocks of the result are wanted: golden_fp32_u8_part computes those, with the bits that a
   whole run gives them, and leaves the rest of `out` as it is. With `changed` 1 they say which blocks of the input
   differ from the one whose result `out` holds: what depends on them is computed, and `out` is what a whole run gives.
   Without a mask (0) all is computed.

   golden_fp32_changes puts 1 into `changed` for the blocks in which two planes differ, and leaves its other bytes as they
   are; strides count bytes there, and a sample has `bytes` of them. golden_fp32_wanted tells which blocks of the
   result changed ones have an effect on: how much work there is, and where frames are best cut. */

size_t golden_fp32_scratch(int w);
int golden_fp32_bands(int h);

void golden_fp32_u8(const uint8_t *in, ptrdiff_t in_stride, ptrdiff_t in_plane, uint8_t *out, ptrdiff_t out_stride, ptrdiff_t out_plane,
    int w, int h, int first, int last, void *scratch);

void golden_fp32_u16(const uint16_t *in, ptrdiff_t in_stride, ptrdiff_t in_plane, uint16_t *out, ptrdiff_t out_stride, ptrdiff_t out_plane,
    int w, int h, int max_value, int first, int last, void *scratch);

void golden_fp32_f32(const float *in, ptrdiff_t in_stride, ptrdiff_t in_plane, float *out, ptrdiff_t out_stride, ptrdiff_t out_plane,
    int w, int h, int first, int last, void *scratch);

void golden_fp32_u8_part(const uint8_t *in, ptrdiff_t in_stride, ptrdiff_t in_plane, uint8_t *out, ptrdiff_t out_stride, ptrdiff_t out_plane,
    int w, int h, int first, int last, void *scratch,
    const uint8_t *mask, ptrdiff_t mask_stride, int changed);

void golden_fp32_u16_part(const uint16_t *in, ptrdiff_t in_stride, ptrdiff_t in_plane, uint16_t *out, ptrdiff_t out_stride, ptrdiff_t out_plane,
    int w, int h, int max_value, int first, int last, void *scratch,
    const uint8_t *mask, ptrdiff_t mask_stride, int changed);

void golden_fp32_f32_part(const float *in, ptrdiff_t in_stride, ptrdiff_t in_plane, float *out, ptrdiff_t out_stride, ptrdiff_t out_plane,
    int w, int h, int first, int last, void *scratch,
    const uint8_t *mask, ptrdiff_t mask_stride, int changed);

void golden_fp32_changes(const void *a, ptrdiff_t a_stride, const void *b, ptrdiff_t b_stride, int w, int h, int bytes,
    uint8_t *changed, ptrdiff_t changed_stride);

void golden_fp32_wanted(int w, int h, const uint8_t *changed, ptrdiff_t changed_stride, uint8_t *wanted,
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
    float *v2;
    float *v4;
    float *v6;
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
    f->v2 = base + used + 8; used += f->stride1 * 24;
    f->v4 = base + used + 8; used += f->stride1 * 24;
    f->v6 = base + used + 8; used += f->stride1 * 16;
    f->zero = base + used + 8; used += f->stride1;
    f->trash = base + used + 8; used += f->stride1;
    f->tile = base + used; used += 6144;
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
    y = y < 0 ? 0 : y >= f->h ? f->h - 1 : y;
    return v0_row(f, y, c);
}
INLINE float *v0_to(const frame *f, int y, int c)
{
    return y < 0 || y >= f->h ? f->trash : v0_row(f, y, c);
}

/* 1 columns beyond both borders */
INLINE void v0_border(const frame *f, float *at)
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

INLINE float *v2_row(const frame *f, int y, int c)
{
    return f->v2 + ((ptrdiff_t)(y % 6) * 4 + c) * f->stride1;
}
INLINE const float *v2_at(const frame *f, int y, int c)
{
    y = y < 0 ? 0 : y >= f->h ? f->h - 1 : y;
    return v2_row(f, y, c);
}
INLINE float *v2_to(const frame *f, int y, int c)
{
    return y < 0 || y >= f->h ? f->trash : v2_row(f, y, c);
}

/* 1 columns beyond both borders */
INLINE void v2_border(const frame *f, float *at)
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

INLINE float *v4_row(const frame *f, int y, int c)
{
    return f->v4 + ((ptrdiff_t)(y % 6) * 4 + c) * f->stride1;
}
INLINE const float *v4_at(const frame *f, int y, int c)
{
    y = y < 0 ? 0 : y >= f->h ? f->h - 1 : y;
    return v4_row(f, y, c);
}
INLINE float *v4_to(const frame *f, int y, int c)
{
    return y < 0 || y >= f->h ? f->trash : v4_row(f, y, c);
}

/* 1 columns beyond both borders */
INLINE void v4_border(const frame *f, float *at)
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

INLINE float *v6_row(const frame *f, int y, int c)
{
    return f->v6 + ((ptrdiff_t)(y % 4) * 4 + c) * f->stride1;
}
INLINE const float *v6_at(const frame *f, int y, int c)
{
    if (y < 0 || y >= f->h) return f->zero;
    return v6_row(f, y, c);
}
INLINE float *v6_to(const frame *f, int y, int c)
{
    return y < 0 || y >= f->h ? f->trash : v6_row(f, y, c);
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

void golden_fp32_changes(const void *a, ptrdiff_t a_stride, const void *b, ptrdiff_t b_stride, int w, int h, int bytes,
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

void golden_fp32_wanted(int w, int h, const uint8_t *changed, ptrdiff_t changed_stride, uint8_t *wanted,
    ptrdiff_t wanted_stride)
{
    const int columns = (w + 7) / 8, rows = (h + 3) / 4;
    for (int y = 0; y < rows; y++) {
        uint8_t *to = wanted + y * wanted_stride;
        for (int x = 0; x < columns; x++) to[x] = 0;
        for (int from = y - 3 < 0 ? 0 : y - 3; from <= y + 1 && from < rows; from++)
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
static void dot_4x1of3_call(int n, const float *const *plane, ptrdiff_t x, const float *w,
    const float *bias, vf out[4][3])
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
static void dot_4x2of3_call(int n, const float *const *plane, ptrdiff_t x, const float *w,
    const float *bias, vf out[4][3])
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
static void dot_4x3_call(int n, const float *const *plane, ptrdiff_t x, const float *w,
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

/* Winograd F(4, 3): 6 vectors of neighbours to 6 transformed ones */
INLINE void winograd_in_4_3(const vf d[6], vf t[6])
{
    t[0] = 81.0f * d[0] - 180.0f * d[2] + 64.0f * d[4];
    const vf e1 = -36.0f * d[2] + 16.0f * d[4];
    const vf o1 = -27.0f * d[1] + 12.0f * d[3];
    t[1] = e1 + o1;
    t[2] = e1 - o1;
    const vf e3 = -18.0f * d[2] + 32.0f * d[4];
    const vf o3 = -27.0f * d[1] + 48.0f * d[3];
    t[3] = e3 + o3;
    t[4] = e3 - o3;
    t[5] = 1.265625f * d[1] - 2.8125f * d[3] + d[5];
}

/* 6 products to 4 results */
INLINE void winograd_out_4_3(const vf t[6], vf y[4])
{
    const vf s1 = t[1] + t[2], d1 = t[1] - t[2];
    const vf s3 = t[3] + t[4], d3 = t[3] - t[4];
    y[0] = t[0] + s1 + s3;
    y[1] = 0.75f * d1 + 1.5f * d3;
    y[2] = 0.5625f * s1 + 2.25f * s3;
    y[3] = 0.421875f * d1 + 3.375f * d3 + t[5];
}

static const float step1_Conv1_weight[36] __attribute__((aligned(64))) = {
    -0.28125f, 0.03125f, -0.25f, 0.0625f, 0.28125f, 0.0f, -0.28125f, 0.03125f,
    0.25f, -0.03125f, 0.28125f, 0.0f, 0.21875f, -0.0625f, 0.25f, -0.03125f,
    0.1875f, -0.09375f, 0.21875f, -0.0625f, 0.15625f, -0.125f, 0.1875f, -0.09375f,
    0.125f, -0.15625f, 0.15625f, -0.125f, 0.09375f, -0.1875f, 0.125f, -0.15625f,
    0.0625f, -0.21875f, 0.09375f, -0.1875f
};
static const float step1_Conv1_bias[4] __attribute__((aligned(64))) = {
    0.0f, 0.015625f, 0.03125f, 0.046875f
};
static const float step1_Conv1_slope_less_1_0[4] __attribute__((aligned(64))) = {
    -1.0f, -0.875f, -0.75f, -0.625f
};
static void step1_Conv1(const frame *f, int k)
{
    const int top = 4 * k - 1;
    const ptrdiff_t phase = f->phase1;
    for (int y0 = top; y0 < top + 4; y0 += 1) {
    if (y0 + 1 <= 0 || y0 >= f->h) continue;
    const span *const needed = spans(f, below(4 * k - 3, 1), below(4 * k + 8, 1), 1, 2, 24);
    if (needed->from == needed->to) continue;
    const float *in[3][1];
    for (int r = 0; r < 3; r++) {
        for (int i = 0; i < 1; i++) in[r][0 + i] = v0_at(f, y0 - 1 + r, 0 + i);
    }
    float *out[1][4];
    for (int r = 0; r < 1; r++)
        for (int j = 0; j < 4; j++) out[r][j] = v2_to(f, y0 + r, j);
    for (int p = 0; p < 1; p++) {
    const float *plane[9];
    for (int c = 0; c < 3; c++) {
        const ptrdiff_t at = place(p + c - 1, phase);
        for (int i = 0; i < 1; i++)
            for (int r = 0; r < 3; r++) plane[(i * 3 + r) * 3 + c] = in[r][i] + at;
    }
    /* channels 0 to 3 */
    EACH(x, 3 * VL) {
        vf sum[4][3];
        dot_4x3(9, plane + 0, x, step1_Conv1_weight + 0, step1_Conv1_bias + 0, sum);
        UNROLL for (int v = 0; v < 3; v++) {
            const ptrdiff_t at = p * phase + x + v * VL;
            UNROLL for (int j = 0; j < 4; j++) {
                vf y = sum[j][v];
                y = prelu(y, SPLAT(step1_Conv1_slope_less_1_0[0 + j]));
                store(out[0][0 + j] + at, y);
            }
        }
    }
    }
    for (int r = 0; r < 1; r++)
        if (y0 + r >= 0 && y0 + r < f->h)
            for (int j = 0; j < 4; j++) v2_border(f, out[r][j]);
    }
}

static const float step2_Conv4_weight[288] __attribute__((aligned(64))) = {
    -0.00347222225f, -0.0027006173f, -0.00192901236f, -0.00115740742f, 0.00347222225f, -0.00308641978f, -0.00231481483f, -0.00154320989f,
    0.00308641978f, -0.00347222225f, -0.0027006173f, -0.00192901236f, 0.000385802472f, 0.00115740742f, 0.00192901236f, 0.0027006173f,
    0.0f, 0.000771604944f, 0.00154320989f, 0.00231481483f, -0.000385802472f, 0.000385802472f, 0.00115740742f, 0.00192901236f,
    -0.00308641978f, -0.00231481483f, -0.00154320989f, -0.000771604944f, -0.00347222225f, -0.0027006173f, -0.00192901236f, -0.00115740742f,
    0.00347222225f, -0.00308641978f, -0.00231481483f, -0.00154320989f, 0.000771604944f, 0.00154320989f, 0.00231481483f, 0.00308641978f,
    0.000385802472f, 0.00115740742f, 0.00192901236f, 0.0027006173f, 0.0f, 0.000771604944f, 0.00154320989f, 0.00231481483f,
    0.00154320989f, -0.00321502052f, 0.006687243f, 0.0129243825f, -0.015625f, -0.000835905375f, 0.00906635821f, 0.0043081278f,
    -0.0132458843f, 0.00154320989f, -0.00321502052f, 0.006687243f, 0.00340792187f, -0.00135030865f, -0.00610853918f, -0.0108667696f,
    0.00578703685f, 0.00102880655f, -0.00372942397f, -0.00848765392f, 0.00816615205f, 0.00340792187f, -0.00135030865f, -0.00610853918f,
    -0.000835905375f, 0.00906635821f, 0.0043081278f, 0.0105452677f, 0.00154320989f, -0.00321502052f, 0.006687243f, 0.0129243825f,
    -0.015625f, -0.000835905375f, 0.00906635821f, 0.0043081278f, 0.00102880655f, -0.00372942397f, -0.00848765392f, -0.0132458843f,
    0.00340792187f, -0.00135030865f, -0.00610853918f, -0.0108667696f, 0.00578703685f, 0.00102880655f, -0.00372942397f, -0.00848765392f,
    0.0123456791f, 0.0106738685f, -0.0056584361f, 0.00366512337f, -0.00636574067f, 0.0115097733f, -0.00482253078f, -0.00649434142f,
    -0.00552983535f, 0.0123456791f, 0.0106738685f, -0.0056584361f, 0.00032150207f, -0.00135030865f, -0.0030221194f, -0.00469393004f,
    0.00115740742f, -0.000514403277f, -0.00218621409f, -0.00385802472f, 0.00199331273f, 0.00032150207f, -0.00135030865f, -0.0030221194f,
    0.0115097733f, -0.00482253078f, -0.00649434142f, 0.00282921805f, 0.0123456791f, 0.0106738685f, -0.0056584361f, 0.00366512337f,
    -0.00636574067f, 0.0115097733f, -0.00482253078f, -0.00649434142f, -0.000514403277f, -0.00218621409f, -0.00385802472f, -0.00552983535f,
    0.00032150207f, -0.00135030865f, -0.0030221194f, -0.00469393004f, 0.00115740742f, -0.000514403277f, -0.00218621409f, -0.00385802472f,
    0.00135030865f, 0.00257201656f, 0.000128600819f, -0.0041473764f, 0.00318287034f, 0.00196116255f, -0.00048225309f, 0.000739454757f,
    0.00257201656f, 0.00135030865f, 0.00257201656f, 0.000128600819f, -0.00170396094f, -0.00048225309f, 0.000739454757f, 0.00196116255f,
    -0.00231481483f, -0.00109310704f, 0.000128600819f, 0.00135030865f, -0.00292566861f, -0.00170396094f, -0.00048225309f, 0.000739454757f,
    0.00196116255f, -0.00048225309f, 0.000739454757f, -0.00353652262f, 0.00135030865f, 0.00257201656f, 0.000128600819f, -0.0041473764f,
    0.00318287034f, 0.00196116255f, -0.00048225309f, 0.000739454757f, -0.00109310704f, 0.000128600819f, 0.00135030865f, 0.00257201656f,
    -0.00170396094f, -0.00048225309f, 0.000739454757f, 0.00196116255f, -0.00231481483f, -0.00109310704f, 0.000128600819f, 0.00135030865f,
    -0.00135030865f, -0.000900205749f, 0.00321502052f, -0.00183256168f, 0.000868055562f, -0.00112525723f, 0.00298996922f, 0.00344007206f,
    0.000643004139f, -0.00135030865f, -0.000900205749f, 0.00321502052f, -0.000932355993f, -0.00048225309f, -3.21502048e-05f, 0.000417952688f,
    -0.00115740742f, -0.000707304513f, -0.000257201638f, 0.000192901236f, -0.00138245884f, -0.000932355993f, -0.00048225309f, -3.21502048e-05f,
    -0.00112525723f, 0.00298996922f, 0.00344007206f, -0.00160751026f, -0.00135030865f, -0.000900205749f, 0.00321502052f, -0.00183256168f,
    0.000868055562f, -0.00112525723f, 0.00298996922f, 0.00344007206f, -0.000707304513f, -0.000257201638f, 0.000192901236f, 0.000643004139f,
    -0.000932355993f, -0.00048225309f, -3.21502048e-05f, 0.000417952688f, -0.00115740742f, -0.000707304513f, -0.000257201638f, 0.000192901236f,
    0.125f, 0.1875f, 0.25f, -0.28125f, 0.09375f, 0.15625f, 0.21875f, 0.28125f,
    0.0625f, 0.125f, 0.1875f, 0.25f, -0.15625f, -0.09375f, -0.03125f, 0.03125f,
    -0.1875f, -0.125f, -0.0625f, 0.0f, -0.21875f, -0.15625f, -0.09375f, -0.03125f,
    0.15625f, 0.21875f, 0.28125f, -0.25f, 0.125f, 0.1875f, 0.25f, -0.28125f,
    0.09375f, 0.15625f, 0.21875f, 0.28125f, -0.125f, -0.0625f, 0.0f, 0.0625f,
    -0.15625f, -0.09375f, -0.03125f, 0.03125f, -0.1875f, -0.125f, -0.0625f, 0.0f
};
static const float step2_Conv4_bias[24] __attribute__((aligned(64))) = {
    0.0f, 0.00362103176f, 0.00724206353f, 0.0108630955f, 0.0f, 0.00950812548f, 0.019016251f, 0.0285243765f,
    -0.0f, -0.00276209367f, -0.00552418735f, -0.00828628056f, 0.0f, 0.00476974668f, 0.00953949336f, 0.0143092405f,
    0.0f, 0.00048818966f, 0.00097637932f, 0.00146456889f, -0.0f, -0.00400175434f, -0.00800350867f, -0.012005263f
};
static const float step2_Conv4_slope_less_1_0[4] __attribute__((aligned(64))) = {
    -1.0f, -0.875f, -0.75f, -0.625f
};
static void step2_Conv4(const frame *f, int k)
{
    const int top = 4 * k - 2;
    const ptrdiff_t phase = f->phase1;
    for (int y0 = top; y0 < top + 4; y0 += 4) {
    if (y0 + 4 <= 0 || y0 >= f->h) continue;
    const span *const needed = spans(f, below(4 * k - 3, 1), below(4 * k + 4, 1), 1, 1, 8);
    if (needed->from == needed->to) continue;
    const float *in[6][4];
    for (int r = 0; r < 6; r++) {
        for (int i = 0; i < 4; i++) in[r][0 + i] = v2_at(f, y0 - 1 + r, 0 + i);
    }
    float *out[4][4];
    for (int r = 0; r < 4; r++)
        for (int j = 0; j < 4; j++) out[r][j] = v4_to(f, y0 + r, j);
    float *const tile = f->tile; /* product, phase, channel, column */
    EACH(x0, 216) {
        const int end = least(216, until - x0);
        for (int i = 0; i < 4; i++) {
            static const int from[1] = {-VL};
            static const int more[1] = {VL};
            for (int p = 0; p < 1; p++)
                for (int x = from[p]; x < end + more[p]; x += VL) {
                    vf d[6], t[6];
                    UNROLL for (int r = 0; r < 6; r++) d[r] = load(in[r][i] + p * phase + x0 + x);
                    winograd_in_4_3(d, t);
                    UNROLL for (int r = 0; r < 6; r++) store(tile + ((r * 1 + p) * 4 + i) * 232 + VL + x, t[r]);
                }
        }
        for (int p = 0; p < 1; p++) {
        const float *plane[12];
        for (int c = 0; c < 3; c++) {
            const ptrdiff_t at = place(p + c - 1, 928) + VL;
            for (int i = 0; i < 4; i++) plane[i * 3 + c] = tile + i * 232 + at;
        }
        for (int x = 0; x < end; x += 3 * VL) { /* channels 0 to 3 */
            const int room = end - x <= 1 * VL ? 1 * VL : end - x <= 2 * VL ? 2 * VL : 3 * VL;
            vf (*const sum)[4][3] = (void *)(tile + 5568);
            for (int t = 0; t < 6; t++)
                if (room == 3 * VL) dot_4x3_call(12, plane, x + (ptrdiff_t)928 * t, step2_Conv4_weight + 0 + 48 * t, step2_Conv4_bias + 0 + 4 * t, sum[t]);
                else if (room == 2 * VL) dot_4x2of3_call(12, plane, x + (ptrdiff_t)928 * t, step2_Conv4_weight + 0 + 48 * t, step2_Conv4_bias + 0 + 4 * t, sum[t]);
                else dot_4x1of3_call(12, plane, x + (ptrdiff_t)928 * t, step2_Conv4_weight + 0 + 48 * t, step2_Conv4_bias + 0 + 4 * t, sum[t]);
            for (int j = 0; j < 4; j++)
                UNROLL for (int v = 0; v < 3; v++) {
                    const ptrdiff_t at = p * phase + x0 + x + v * VL;
                    vf a[6], q[4];
                    UNROLL for (int t = 0; t < 6; t++) a[t] = sum[t][j][v];
                    winograd_out_4_3(a, q);
                    UNROLL for (int r = 0; r < 4; r++) {
                        vf y = q[r];
                        y = prelu(y, SPLAT(step2_Conv4_slope_less_1_0[0 + j]));
                        store(out[r][0 + j] + at, y);
                    }
                }
        }
        }
    }
    for (int r = 0; r < 4; r++)
        if (y0 + r >= 0 && y0 + r < f->h)
            for (int j = 0; j < 4; j++) v4_border(f, out[r][j]);
    }
}

static const float step3_Conv7_weight[288] __attribute__((aligned(64))) = {
    -0.00347222225f, -0.0027006173f, -0.00192901236f, -0.00115740742f, 0.00347222225f, -0.00308641978f, -0.00231481483f, -0.00154320989f,
    0.00308641978f, -0.00347222225f, -0.0027006173f, -0.00192901236f, 0.000385802472f, 0.00115740742f, 0.00192901236f, 0.0027006173f,
    0.0f, 0.000771604944f, 0.00154320989f, 0.00231481483f, -0.000385802472f, 0.000385802472f, 0.00115740742f, 0.00192901236f,
    -0.00308641978f, -0.00231481483f, -0.00154320989f, -0.000771604944f, -0.00347222225f, -0.0027006173f, -0.00192901236f, -0.00115740742f,
    0.00347222225f, -0.00308641978f, -0.00231481483f, -0.00154320989f, 0.000771604944f, 0.00154320989f, 0.00231481483f, 0.00308641978f,
    0.000385802472f, 0.00115740742f, 0.00192901236f, 0.0027006173f, 0.0f, 0.000771604944f, 0.00154320989f, 0.00231481483f,
    0.00154320989f, -0.00321502052f, 0.006687243f, 0.0129243825f, -0.015625f, -0.000835905375f, 0.00906635821f, 0.0043081278f,
    -0.0132458843f, 0.00154320989f, -0.00321502052f, 0.006687243f, 0.00340792187f, -0.00135030865f, -0.00610853918f, -0.0108667696f,
    0.00578703685f, 0.00102880655f, -0.00372942397f, -0.00848765392f, 0.00816615205f, 0.00340792187f, -0.00135030865f, -0.00610853918f,
    -0.000835905375f, 0.00906635821f, 0.0043081278f, 0.0105452677f, 0.00154320989f, -0.00321502052f, 0.006687243f, 0.0129243825f,
    -0.015625f, -0.000835905375f, 0.00906635821f, 0.0043081278f, 0.00102880655f, -0.00372942397f, -0.00848765392f, -0.0132458843f,
    0.00340792187f, -0.00135030865f, -0.00610853918f, -0.0108667696f, 0.00578703685f, 0.00102880655f, -0.00372942397f, -0.00848765392f,
    0.0123456791f, 0.0106738685f, -0.0056584361f, 0.00366512337f, -0.00636574067f, 0.0115097733f, -0.00482253078f, -0.00649434142f,
    -0.00552983535f, 0.0123456791f, 0.0106738685f, -0.0056584361f, 0.00032150207f, -0.00135030865f, -0.0030221194f, -0.00469393004f,
    0.00115740742f, -0.000514403277f, -0.00218621409f, -0.00385802472f, 0.00199331273f, 0.00032150207f, -0.00135030865f, -0.0030221194f,
    0.0115097733f, -0.00482253078f, -0.00649434142f, 0.00282921805f, 0.0123456791f, 0.0106738685f, -0.0056584361f, 0.00366512337f,
    -0.00636574067f, 0.0115097733f, -0.00482253078f, -0.00649434142f, -0.000514403277f, -0.00218621409f, -0.00385802472f, -0.00552983535f,
    0.00032150207f, -0.00135030865f, -0.0030221194f, -0.00469393004f, 0.00115740742f, -0.000514403277f, -0.00218621409f, -0.00385802472f,
    0.00135030865f, 0.00257201656f, 0.000128600819f, -0.0041473764f, 0.00318287034f, 0.00196116255f, -0.00048225309f, 0.000739454757f,
    0.00257201656f, 0.00135030865f, 0.00257201656f, 0.000128600819f, -0.00170396094f, -0.00048225309f, 0.000739454757f, 0.00196116255f,
    -0.00231481483f, -0.00109310704f, 0.000128600819f, 0.00135030865f, -0.00292566861f, -0.00170396094f, -0.00048225309f, 0.000739454757f,
    0.00196116255f, -0.00048225309f, 0.000739454757f, -0.00353652262f, 0.00135030865f, 0.00257201656f, 0.000128600819f, -0.0041473764f,
    0.00318287034f, 0.00196116255f, -0.00048225309f, 0.000739454757f, -0.00109310704f, 0.000128600819f, 0.00135030865f, 0.00257201656f,
    -0.00170396094f, -0.00048225309f, 0.000739454757f, 0.00196116255f, -0.00231481483f, -0.00109310704f, 0.000128600819f, 0.00135030865f,
    -0.00135030865f, -0.000900205749f, 0.00321502052f, -0.00183256168f, 0.000868055562f, -0.00112525723f, 0.00298996922f, 0.00344007206f,
    0.000643004139f, -0.00135030865f, -0.000900205749f, 0.00321502052f, -0.000932355993f, -0.00048225309f, -3.21502048e-05f, 0.000417952688f,
    -0.00115740742f, -0.000707304513f, -0.000257201638f, 0.000192901236f, -0.00138245884f, -0.000932355993f, -0.00048225309f, -3.21502048e-05f,
    -0.00112525723f, 0.00298996922f, 0.00344007206f, -0.00160751026f, -0.00135030865f, -0.000900205749f, 0.00321502052f, -0.00183256168f,
    0.000868055562f, -0.00112525723f, 0.00298996922f, 0.00344007206f, -0.000707304513f, -0.000257201638f, 0.000192901236f, 0.000643004139f,
    -0.000932355993f, -0.00048225309f, -3.21502048e-05f, 0.000417952688f, -0.00115740742f, -0.000707304513f, -0.000257201638f, 0.000192901236f,
    0.125f, 0.1875f, 0.25f, -0.28125f, 0.09375f, 0.15625f, 0.21875f, 0.28125f,
    0.0625f, 0.125f, 0.1875f, 0.25f, -0.15625f, -0.09375f, -0.03125f, 0.03125f,
    -0.1875f, -0.125f, -0.0625f, 0.0f, -0.21875f, -0.15625f, -0.09375f, -0.03125f,
    0.15625f, 0.21875f, 0.28125f, -0.25f, 0.125f, 0.1875f, 0.25f, -0.28125f,
    0.09375f, 0.15625f, 0.21875f, 0.28125f, -0.125f, -0.0625f, 0.0f, 0.0625f,
    -0.15625f, -0.09375f, -0.03125f, 0.03125f, -0.1875f, -0.125f, -0.0625f, 0.0f
};
static const float step3_Conv7_bias[24] __attribute__((aligned(64))) = {
    0.0f, 0.00362103176f, 0.00724206353f, 0.0108630955f, 0.0f, 0.00950812548f, 0.019016251f, 0.0285243765f,
    -0.0f, -0.00276209367f, -0.00552418735f, -0.00828628056f, 0.0f, 0.00476974668f, 0.00953949336f, 0.0143092405f,
    0.0f, 0.00048818966f, 0.00097637932f, 0.00146456889f, -0.0f, -0.00400175434f, -0.00800350867f, -0.012005263f
};
static void step3_Conv7(const frame *f, int k)
{
    const int top = 4 * k - 3;
    const ptrdiff_t phase = f->phase1;
    for (int y0 = top; y0 < top + 4; y0 += 4) {
    if (y0 + 4 <= 0 || y0 >= f->h) continue;
    const span *const needed = spans(f, below(4 * k - 3, 1), below(4 * k + 0, 1), 1, 0, 8);
    if (needed->from == needed->to) continue;
    const float *in[6][4];
    for (int r = 0; r < 6; r++) {
        for (int i = 0; i < 4; i++) in[r][0 + i] = v4_at(f, y0 - 1 + r, 0 + i);
    }
    float *out[4][4];
    for (int r = 0; r < 4; r++)
        for (int j = 0; j < 4; j++) out[r][j] = v6_to(f, y0 + r, j);
    const float *other0[4][4];
    for (int r = 0; r < 4; r++) {
        for (int i = 0; i < 4; i++) other0[r][0 + i] = v0_at(f, y0 + r, 0);
    }
    float *const tile = f->tile; /* product, phase, channel, column */
    EACH(x0, 216) {
        const int end = least(216, until - x0);
        for (int i = 0; i < 4; i++) {
            static const int from[1] = {-VL};
            static const int more[1] = {VL};
            for (int p = 0; p < 1; p++)
                for (int x = from[p]; x < end + more[p]; x += VL) {
                    vf d[6], t[6];
                    UNROLL for (int r = 0; r < 6; r++) d[r] = load(in[r][i] + p * phase + x0 + x);
                    winograd_in_4_3(d, t);
                    UNROLL for (int r = 0; r < 6; r++) store(tile + ((r * 1 + p) * 4 + i) * 232 + VL + x, t[r]);
                }
        }
        for (int p = 0; p < 1; p++) {
        const float *plane[12];
        for (int c = 0; c < 3; c++) {
            const ptrdiff_t at = place(p + c - 1, 928) + VL;
            for (int i = 0; i < 4; i++) plane[i * 3 + c] = tile + i * 232 + at;
        }
        for (int x = 0; x < end; x += 3 * VL) { /* channels 0 to 3 */
            const int room = end - x <= 1 * VL ? 1 * VL : end - x <= 2 * VL ? 2 * VL : 3 * VL;
            vf (*const sum)[4][3] = (void *)(tile + 5568);
            for (int t = 0; t < 6; t++)
                if (room == 3 * VL) dot_4x3_call(12, plane, x + (ptrdiff_t)928 * t, step3_Conv7_weight + 0 + 48 * t, step3_Conv7_bias + 0 + 4 * t, sum[t]);
                else if (room == 2 * VL) dot_4x2of3_call(12, plane, x + (ptrdiff_t)928 * t, step3_Conv7_weight + 0 + 48 * t, step3_Conv7_bias + 0 + 4 * t, sum[t]);
                else dot_4x1of3_call(12, plane, x + (ptrdiff_t)928 * t, step3_Conv7_weight + 0 + 48 * t, step3_Conv7_bias + 0 + 4 * t, sum[t]);
            for (int j = 0; j < 4; j++)
                UNROLL for (int v = 0; v < 3; v++) {
                    const ptrdiff_t at = p * phase + x0 + x + v * VL;
                    vf a[6], q[4];
                    UNROLL for (int t = 0; t < 6; t++) a[t] = sum[t][j][v];
                    winograd_out_4_3(a, q);
                    UNROLL for (int r = 0; r < 4; r++) {
                        vf y = q[r];
                        y = y + load(other0[r][0 + j] + at);
                        store(out[r][0 + j] + at, y);
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
        const span *const needed = spans(f, below(4 * k - 3, 1), below(4 * k + 12, 1), 1, 3, 8);
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
            v0_border(f, row);
        }
    }
}

static void u8_write(const frame *f, int k)
{
    for (int y = 4 * k - 3; y < 4 * k - 3 + 4; y++) {
        if (y < 0 || y >= f->h) continue;
        const span *const needed = spans(f, f->grows ? below(4 * k - 3, 1) : y / 1, f->grows ? below(4 * k + 0, 1) : y / 1, 1, 0, 1);
        if (needed->from == needed->to) continue;
        const float *from[1][4];
        for (int r = 0; r < 1; r++) {
            for (int i = 0; i < 4; i++) from[r][0 + i] = v6_at(f, y + r, 0 + i);
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
                        s[p * 2 + j] = __builtin_convertvector(__builtin_convertvector(clip(q * f->out_scale + 0.5f, 0.5f, f->top + 0.5f), vi), vb);
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
        const span *const needed = spans(f, below(4 * k - 3, 1), below(4 * k + 12, 1), 1, 3, 8);
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
            v0_border(f, row);
        }
    }
}

static void u16_write(const frame *f, int k)
{
    for (int y = 4 * k - 3; y < 4 * k - 3 + 4; y++) {
        if (y < 0 || y >= f->h) continue;
        const span *const needed = spans(f, f->grows ? below(4 * k - 3, 1) : y / 1, f->grows ? below(4 * k + 0, 1) : y / 1, 1, 0, 1);
        if (needed->from == needed->to) continue;
        const float *from[1][4];
        for (int r = 0; r < 1; r++) {
            for (int i = 0; i < 4; i++) from[r][0 + i] = v6_at(f, y + r, 0 + i);
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
                        s[p * 2 + j] = __builtin_convertvector(__builtin_convertvector(clip(q * f->out_scale + 0.5f, 0.5f, f->top + 0.5f), vi), vh);
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
        const span *const needed = spans(f, below(4 * k - 3, 1), below(4 * k + 12, 1), 1, 3, 8);
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
            v0_border(f, row);
        }
    }
}

static void f32_write(const frame *f, int k)
{
    for (int y = 4 * k - 3; y < 4 * k - 3 + 4; y++) {
        if (y < 0 || y >= f->h) continue;
        const span *const needed = spans(f, f->grows ? below(4 * k - 3, 1) : y / 1, f->grows ? below(4 * k + 0, 1) : y / 1, 1, 0, 1);
        if (needed->from == needed->to) continue;
        const float *from[1][4];
        for (int r = 0; r < 1; r++) {
            for (int i = 0; i < 4; i++) from[r][0 + i] = v6_at(f, y + r, 0 + i);
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
        if (k >= first - 2) step1_Conv1(f, k);
        if (k >= first - 1) step2_Conv4(f, k);
        if (k >= first - 0) step3_Conv7(f, k);
        if (k >= first) write(f, k);
    }
}

size_t golden_fp32_scratch(int w)
{
    frame f;
    float none[1];
    return 4 * lay_out(&f, w, 1, none) + 64;
}

int golden_fp32_bands(int h) { return (1 * h - 1 + 3) / 4 + 1; }

void golden_fp32_u8_part(const uint8_t *in, ptrdiff_t in_stride, ptrdiff_t in_plane, uint8_t *out, ptrdiff_t out_stride, ptrdiff_t out_plane,
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
    f.above = changed ? 9 : 0; f.under = changed ? 3 : 0; f.beside = changed ? 3 : 0;
    f.first_row = below(4 * first - 3, 1) - f.above;
    f.last_row = below(4 * last - 4, 1) + f.under;
    if (f.first_row < 0) f.first_row = 0;
    if (f.last_row >= h) f.last_row = h - 1;
    run(&f, u8_read, u8_write, first, last);
}

void golden_fp32_u8(const uint8_t *in, ptrdiff_t in_stride, ptrdiff_t in_plane, uint8_t *out, ptrdiff_t out_stride, ptrdiff_t out_plane,
    int w, int h, int first, int last, void *scratch)
{
    golden_fp32_u8_part(in, in_stride, in_plane, out, out_stride, out_plane, w, h, first, last, scratch, (const uint8_t *)0, 0, 0);
}

void golden_fp32_u16_part(const uint16_t *in, ptrdiff_t in_stride, ptrdiff_t in_plane, uint16_t *out, ptrdiff_t out_stride, ptrdiff_t out_plane,
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
    f.above = changed ? 9 : 0; f.under = changed ? 3 : 0; f.beside = changed ? 3 : 0;
    f.first_row = below(4 * first - 3, 1) - f.above;
    f.last_row = below(4 * last - 4, 1) + f.under;
    if (f.first_row < 0) f.first_row = 0;
    if (f.last_row >= h) f.last_row = h - 1;
    run(&f, u16_read, u16_write, first, last);
}

void golden_fp32_u16(const uint16_t *in, ptrdiff_t in_stride, ptrdiff_t in_plane, uint16_t *out, ptrdiff_t out_stride, ptrdiff_t out_plane,
    int w, int h, int max_value, int first, int last, void *scratch)
{
    golden_fp32_u16_part(in, in_stride, in_plane, out, out_stride, out_plane, w, h, max_value, first, last, scratch, (const uint8_t *)0, 0, 0);
}

void golden_fp32_f32_part(const float *in, ptrdiff_t in_stride, ptrdiff_t in_plane, float *out, ptrdiff_t out_stride, ptrdiff_t out_plane,
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
    f.above = changed ? 9 : 0; f.under = changed ? 3 : 0; f.beside = changed ? 3 : 0;
    f.first_row = below(4 * first - 3, 1) - f.above;
    f.last_row = below(4 * last - 4, 1) + f.under;
    if (f.first_row < 0) f.first_row = 0;
    if (f.last_row >= h) f.last_row = h - 1;
    run(&f, f32_read, f32_write, first, last);
}

void golden_fp32_f32(const float *in, ptrdiff_t in_stride, ptrdiff_t in_plane, float *out, ptrdiff_t out_stride, ptrdiff_t out_plane,
    int w, int h, int first, int last, void *scratch)
{
    golden_fp32_f32_part(in, in_stride, in_plane, out, out_stride, out_plane, w, h, first, last, scratch, (const uint8_t *)0, 0, 0);
}

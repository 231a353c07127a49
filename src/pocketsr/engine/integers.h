/* Whole numbers: a byte a channel, four channels to a 32-bit lane, the first in the lowest byte. */

typedef uint32_t vu __attribute__((vector_size(4 * VL)));

/* a * b, rounded: never contracted with a sum that follows, so that every machine gives the same bits */
#ifdef __clang__
INLINE vf times(vf a, vf b)
{
    _Pragma("clang fp contract(off)")
    return a * b;
}
#else
INLINE vf times(vf a, vf b)
{
    vf y = a * b;
#if defined(__AVX512F__)
    __asm__("" : "+v"(y));
#elif defined(__x86_64__)
    __asm__("" : "+x"(y));
#elif defined(__ARM_NEON)
    __asm__("" : "+w"(y));
#endif
    return y;
}
#endif

INLINE vi load_words(const float *p) { vi v; __builtin_memcpy(&v, p, sizeof v); return v; }
INLINE void store_words(float *p, vu v) { __builtin_memcpy(p, &v, sizeof v); }
INLINE float word(int32_t bits) { float x; __builtin_memcpy(&x, &bits, sizeof x); return x; }
/* The channel `shift` bits up in the words at p; floats where it is negative */
INLINE vf number(const float *p, int shift)
{
    return shift < 0 ? load(p) : __builtin_convertvector((load_words(p) >> shift) & 255, vf);
}
/* 1.5 * 2^23 + y for |y| < 2^22: the last bits of the sum are y as a whole number, halves rounded to even */
#define ROUNDER 12582912.0f
INLINE vf rounded(vf y) { return (y + ROUNDER) - ROUNDER; }
INLINE vu rounder_bits(vf y)
{
    vu bits;
    y = y + ROUNDER;
    __builtin_memcpy(&bits, &y, sizeof bits);
    return bits;
}
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
    __asm__("{vex} vpdpbusd %2, %1, %0" : "+x"(acc) : "x"(x.part[0]), "x"(k));
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
#elif (defined(__SSE2__) && (VL == 4 || defined(__AVX2__) || defined(__AVX512BW__))) || defined(__wasm_simd128__)
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

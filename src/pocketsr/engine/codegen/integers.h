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

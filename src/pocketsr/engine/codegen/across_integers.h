/* Dot products of words with the weights of each pixel's own kernel; see across.h */

INLINE vi load_ints(const int32_t *p) { vi v; __builtin_memcpy(&v, p, sizeof v); return v; }
INLINE vi in_all_lanes(const float *p) { int32_t bits; __builtin_memcpy(&bits, p, sizeof bits); return bits - (vi){0}; }
/* `dot4` with weights of their own in each lane */
INLINE vi dot4_own(vi acc, bytes x, const vi *k)
{
#if PARTS == 1 && defined(__aarch64__)
    __asm__("sdot %0.4s, %1.16b, %2.16b" : "+w"(acc) : "w"(x.part[0]), "w"(k[0]));
#elif PARTS == 1
    __asm__("%{vex%} vpdpbusd %2, %1, %0" : "+x"(acc) : "x"(x.part[0]), "x"(k[0]));
#else
    UNROLL for (int i = 0; i < PARTS; i++) {
#if PARTS == 4
        acc += x.part[i] * k[i];
#else
        vi y = k[i];
#if defined(__wasm_simd128__)
        y = (vi)__builtin_wasm_dot_s_i32x4_i16x8((vs)x.part[i], (vs)y);
#elif defined(__AVX__)
        __asm__("vpmaddwd %1, %0, %0" : "+x"(y) : "x"(x.part[i]));
#else
        __asm__("pmaddwd %1, %0" : "+x"(y) : "x"(x.part[i]));
#endif
        acc += y;
#endif
    }
#endif
    return acc;
}
INLINE vi dot4_fetched(vi acc, bytes x, const int32_t *w)
{
    vi k[PARTS];
    UNROLL for (int i = 0; i < PARTS; i++) k[i] = load_ints(w + i * VL);
    return dot4_own(acc, x, k);
}
INLINE vi two_of_ints(const int32_t *low, const int32_t *high)
{
    vi y;
    __builtin_memcpy(&y, low, sizeof y / 2);
    __builtin_memcpy((char *)&y + sizeof y / 2, high, sizeof y / 2);
    return y;
}
INLINE vi dot4_of_two(vi acc, bytes x, const int32_t *low, const int32_t *high)
{
    vi k[PARTS];
    UNROLL for (int i = 0; i < PARTS; i++) k[i] = two_of_ints(low + i * VL / 2, high + i * VL / 2);
    return dot4_own(acc, x, k);
}

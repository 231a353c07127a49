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


/* @NAME@_correct: corrections that are sent along with a video. Made by pocketsr; do not edit.

   Compile it with -O3 and the target's instructions, by gcc or clang. It calls nothing and needs no memory but 4 kB of
   stack. A tile of 32 columns at a time: the taps of a row lie in it as numbers of the sums' type, so that a sum is 41
   multiplications of a coefficient and a vector. Sums of 8-bit samples are floats: integers below 2^24, which are exact
   in any order. Sums of 16-bit samples are integers of 32 bits. */
#include "@NAME@_correct.h"

#ifdef _WIN32
int DllMainCRTStartup(void *library, unsigned reason, void *reserved); /* a library without a C runtime */
int DllMainCRTStartup(void *library, unsigned reason, void *reserved)
{
    (void)library; (void)reason; (void)reserved;
    return 1;
}
#endif

enum {
    LANES = 8, TILE = 32, ROOM = 36, /* numbers a row of a tile: with what lies beside it */
    NEAR = 5, FAR = 4, TAPS = NEAR * NEAR + FAR * FAR, PHASES = 4
};

#define INLINE static inline __attribute__((always_inline, unused))
#define UNROLL _Pragma("GCC unroll 8")
typedef int32_t vi __attribute__((vector_size(4 * LANES)));
typedef uint32_t vu __attribute__((vector_size(4 * LANES)));
typedef float vf __attribute__((vector_size(4 * LANES)));

INLINE vi whole_f(vf sums) { return __builtin_convertvector(sums, vi); }
INLINE vi whole_u(vu sums) { return (vi)sums; }
INLINE ptrdiff_t within(ptrdiff_t i, ptrdiff_t last) { return i < 0 ? 0 : i > last ? last : i; }
@KINDS@

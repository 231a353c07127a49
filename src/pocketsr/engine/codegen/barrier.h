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

/* Integers: a byte a channel, four channels to a 32-bit lane, the first in the lowest byte. */

typedef uint32_t vu __attribute__((vector_size(4 * VL)));

/* BARRIER(v): an optimization barrier. v has to exist, as it is, at this place: clang contracts a product and a sum to
   f32x4.relaxed_madd of its own accord where it may use relaxed SIMD, and what that gives depends on the machine. */
#define BARRIER(v) __asm__("" : "+r"(v))

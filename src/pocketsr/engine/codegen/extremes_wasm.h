/* clang 22 takes __builtin_elementwise_max apart lane by lane on wasm. NaN is never an input, so pmax will do. */
INLINE vf vmax(vf a, vf b) { return __builtin_wasm_pmax_f32x4(a, b); }
INLINE vf vmin(vf a, vf b) { return __builtin_wasm_pmin_f32x4(a, b); }

/* clang moves sums to where they are stored, and makes each constant where it is used; V8 then spills, and makes each
   constant in three instructions. HOLD(x): x is calculated by now. KEPT: a constant that stays in a register. */
#define HOLD(x) __asm__("" : "+r"(x))
#define KEPT(name, x) vf name = SPLAT(x); HOLD(name)
#define APART static __attribute__((noinline))
#define ROLLED _Pragma("clang loop unroll(disable)")

/* Whole numbers of floats that are none too large for them, towards 0 */
INLINE vi whole(vf x)
{
#ifdef __wasm_relaxed_simd__
    return __builtin_wasm_relaxed_trunc_s_i32x4_f32x4(x);
#else
    return __builtin_convertvector(x, vi);
#endif
}
/* Four vectors of integers, one after the other, as bytes: clipped to 0 and 255 */
typedef uint8_t sixteen __attribute__((vector_size(16)));
typedef int16_t eight __attribute__((vector_size(16)));
typedef int8_t signed_bytes __attribute__((vector_size(16)));
INLINE sixteen four_as_bytes(vi a, vi b, vi c, vi d)
{
    const eight low = (eight)__builtin_wasm_narrow_s_i16x8_i32x4(a, b);
    const eight high = (eight)__builtin_wasm_narrow_s_i16x8_i32x4(c, d);
    return (sixteen)__builtin_wasm_narrow_u_i8x16_i16x8(low, high);
}

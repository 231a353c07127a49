/* clang 22 takes __builtin_elementwise_max apart lane by lane on wasm. NaN is never an input, so pmax will do. */
INLINE vf vmax(vf a, vf b) { return __builtin_wasm_pmax_f32x4(a, b); }
INLINE vf vmin(vf a, vf b) { return __builtin_wasm_pmin_f32x4(a, b); }

#if __has_builtin(__builtin_elementwise_max)
INLINE vf vmax(vf a, vf b) { return __builtin_elementwise_max(a, b); }
INLINE vf vmin(vf a, vf b) { return __builtin_elementwise_min(a, b); }
#else
INLINE vf vmax(vf a, vf b) { for (int i = 0; i < VL; i++) a[i] = a[i] > b[i] ? a[i] : b[i]; return a; }
INLINE vf vmin(vf a, vf b) { for (int i = 0; i < VL; i++) a[i] = a[i] < b[i] ? a[i] : b[i]; return a; }
#endif

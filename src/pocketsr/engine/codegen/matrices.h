
/* Products of matrices of bytes: two pixels by two channels in a vector, sums over eight bytes of each */
INLINE vi low_pairs(vi a, vi b) { return (vi){a[0], b[0], a[1], b[1]}; }
INLINE vi high_pairs(vi a, vi b) { return (vi){a[2], b[2], a[3], b[3]}; }
/* One channel of four pixels, the first or the second */
INLINE vi lanes_of(vi a, vi b, int odd)
{
    return odd ? (vi){a[1], a[3], b[1], b[3]} : (vi){a[0], a[2], b[0], b[2]};
}
/* acc + x * k: x has eight unsigned bytes of each of two pixels, k eight signed ones of each of two channels */
INLINE vi matrix(vi acc, vi x, vi k)
{
#if defined(__ARM_FEATURE_MATMUL_INT8) && defined(__aarch64__)
    __asm__("usmmla %0.4s, %1.16b, %2.16b" : "+w"(acc) : "w"(x), "w"(k));
#else
    uint8_t pixel[16];
    int8_t weight[16];
    __builtin_memcpy(pixel, &x, sizeof pixel);
    __builtin_memcpy(weight, &k, sizeof weight);
    for (int i = 0; i < 4; i++)
        for (int c = 0; c < 8; c++) acc[i] += pixel[i / 2 * 8 + c] * weight[i % 2 * 8 + c];
#endif
    return acc;
}

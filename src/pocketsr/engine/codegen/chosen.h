/* Classes of pixels, and what is chosen by them. */

INLINE vi either(vi mask, vi yes, vi no) { return (yes & mask) | (no & ~mask); }
INLINE vf binomial(vf a, vf b, vf c, vf d, vf e) { return (a + e) + 4.0f * (b + d) + 6.0f * c; }
INLINE vf summed(const float *p, const ptrdiff_t at[5])
{
    return binomial(load(p + at[0]), load(p + at[1]), load(p + at[2]), load(p + at[3]), load(p + at[4]));
}
/* A bit for each class among `bytes` bytes of classes, which are below 64 */
INLINE uint64_t among(const vi *class, size_t bytes)
{
    const int32_t *each = (const int32_t *)class;
    uint64_t found = 0;
    for (size_t i = 0; i < bytes / sizeof *each; i++) found |= (uint64_t)1 << (each[i] & 63);
    return found;
}
/* Of `size` numbers, as many as a vector has lanes or twice as many, the one of each lane's class; its higher bits say
   which table. Several vectors of pixels look up in one table, which stays in registers meanwhile. */
typedef struct { vf low, high; } numbers;
INLINE numbers numbers_of(const float *table, int size)
{
    const vf low = load(table);
    return (numbers){low, size == VL ? low : load(table + VL)};
}
INLINE vf looked_up(numbers table, int size, vi class)
{
    vf y = table.low;
#if defined(__AVX512F__) && VL == 16
    if (size == VL)
        __asm__("vpermps %2, %1, %0" : "=v"(y) : "v"(class), "v"(table.low));
    else
        __asm__("vpermt2ps %2, %1, %0" : "+v"(y) : "v"(class), "v"(table.high));
#else
    for (int i = 0; i < VL; i++) {
        const int at = class[i] & (size - 1);
        y[i] = at < VL ? table.low[at] : table.high[at - VL];
    }
#endif
    return y;
}
#ifdef PARTS /* words of four channels, as integers.h has them */
typedef struct { vi low, high; } integers;
INLINE integers integers_of(const int32_t *table, int size)
{
    integers y;
    __builtin_memcpy(&y.low, table, sizeof y.low);
    __builtin_memcpy(&y.high, table + (size == VL ? 0 : VL), sizeof y.high);
    return y;
}
INLINE vi looked_up_integers(integers table, int size, vi class)
{
    vi y = table.low;
#if defined(__AVX512F__) && VL == 16
    if (size == VL)
        __asm__("vpermd %2, %1, %0" : "=v"(y) : "v"(class), "v"(table.low));
    else
        __asm__("vpermt2d %2, %1, %0" : "+v"(y) : "v"(class), "v"(table.high));
#else
    for (int i = 0; i < VL; i++) {
        const int at = class[i] & (size - 1);
        y[i] = at < VL ? table.low[at] : table.high[at - VL];
    }
#endif
    return y;
}
/* dot4 with the weights of each lane's class, of which `size` lie side by side at w; `table` holds them where a word is
   one part */
INLINE vi dot4_looked_up(vi acc, bytes x, const int32_t *w, integers table, int size, vi class)
{
#if defined(__AVX512VNNI__) && VL == 16
    __asm__("vpdpbusd %2, %1, %0" : "+v"(acc) : "v"(x.part[0]), "v"(looked_up_integers(table, size, class)));
    (void)w;
#else
    const vi sum = acc;
    (void)table;
    for (int k = 0; k < size; k++) acc = either((class & (size - 1)) == k, dot4(sum, x, w + k * PARTS), acc);
#endif
    return acc;
}
#endif

/* Kernels chosen by each pixel, where a vector can't look weights up: it holds the output channels of one pixel, or of
   two, so that a load fetches the weights of the pixel's own kernel. */

/* As many vectors as a vector has lanes, rows for columns */
INLINE void transposed(const vf a[VL], vf b[VL])
{
    vf c[VL];
#if VL == 4
    UNROLL for (int i = 0; i < 2; i++) {
        c[2 * i] = PICK(a[2 * i], a[2 * i + 1], 0, 4, 1, 5);
        c[2 * i + 1] = PICK(a[2 * i], a[2 * i + 1], 2, 6, 3, 7);
    }
    UNROLL for (int i = 0; i < 2; i++) {
        b[2 * i] = PICK(c[i], c[i + 2], 0, 1, 4, 5);
        b[2 * i + 1] = PICK(c[i], c[i + 2], 2, 3, 6, 7);
    }
#else
    UNROLL for (int i = 0; i < 4; i++) { /* within halves of a vector, which cost nothing to keep apart */
        c[i] = PICK(a[i], a[i + 4], 0, 1, 2, 3, 8, 9, 10, 11);
        c[i + 4] = PICK(a[i], a[i + 4], 4, 5, 6, 7, 12, 13, 14, 15);
    }
    UNROLL for (int i = 0; i < 8; i += 4) {
        const vf d0 = PICK(c[i], c[i + 1], 0, 8, 1, 9, 4, 12, 5, 13);
        const vf d1 = PICK(c[i], c[i + 1], 2, 10, 3, 11, 6, 14, 7, 15);
        const vf d2 = PICK(c[i + 2], c[i + 3], 0, 8, 1, 9, 4, 12, 5, 13);
        const vf d3 = PICK(c[i + 2], c[i + 3], 2, 10, 3, 11, 6, 14, 7, 15);
        b[i] = PICK(d0, d2, 0, 1, 8, 9, 4, 5, 12, 13);
        b[i + 1] = PICK(d0, d2, 2, 3, 10, 11, 6, 7, 14, 15);
        b[i + 2] = PICK(d1, d3, 0, 1, 8, 9, 4, 5, 12, 13);
        b[i + 3] = PICK(d1, d3, 2, 3, 10, 11, 6, 7, 14, 15);
    }
#endif
}
/* What the sums of `count` channels start from, `times` over; 0 in the lanes that are left */
INLINE vf starts(const float *bias, int count, int times)
{
    vf y = {0};
    for (int i = 0; i < times; i++)
        for (int j = 0; j < count; j++) y[VL / times * i + j] = bias[j];
    return y;
}
#if VL == 8
/* Four weights of one kernel, and four of another */
INLINE vf two_of(const float *low, const float *high)
{
    vf y;
    __builtin_memcpy(&y, low, sizeof y / 2);
    __builtin_memcpy((char *)&y + sizeof y / 2, high, sizeof y / 2);
    return y;
}
/* Of vectors with four channels of two pixels, four apart: a vector of pixels for each channel */
INLINE void turn_halves(const vf sum[4], vf channel[4])
{
    vf low[2], high[2];
    UNROLL for (int q = 0; q < 2; q++) {
        low[q] = PICK(sum[2 * q], sum[2 * q + 1], 0, 8, 1, 9, 4, 12, 5, 13);
        high[q] = PICK(sum[2 * q], sum[2 * q + 1], 2, 10, 3, 11, 6, 14, 7, 15);
    }
    channel[0] = PICK(low[0], low[1], 0, 1, 8, 9, 4, 5, 12, 13);
    channel[1] = PICK(low[0], low[1], 2, 3, 10, 11, 6, 7, 14, 15);
    channel[2] = PICK(high[0], high[1], 0, 1, 8, 9, 4, 5, 12, 13);
    channel[3] = PICK(high[0], high[1], 2, 3, 10, 11, 6, 7, 14, 15);
}
/* Lane m of both halves, in all lanes of its half */
#define EACH_HALF(y, m) PICK(y, y, m, m, m, m, 4 + m, 4 + m, 4 + m, 4 + m)
#endif

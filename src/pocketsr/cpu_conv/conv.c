// Valid convolution of narrow networks and its gradients, planes of floats, one image at a time.
// CI and CO (of a group), GROUPS, KH, KW, LANES, VECTORS (of a row at once), CO_AT_ONCE, CI_AT_ONCE, DW_AT_ONCE are defined above this text.
//
// A vector holds neighbouring pixels of a row. The last vector of a row overlaps the one before it: forward it writes
// the same numbers twice, for the weights' gradient its doubled lanes are masked.

typedef float vec __attribute__((vector_size(4 * LANES)));
typedef int ivec __attribute__((vector_size(4 * LANES)));
typedef struct { vec v; } __attribute__((packed, aligned(4))) loose;

#define LOAD(p) (((const loose *)(p))->v)
#define STORE(p, x) (((loose *)(p))->v = (x))
// Keeps a broadcast weight in a register: folded into every multiply-add it would be loaded each time.
#ifdef __AVX__
#define KEEP(x) __asm__("" : "+v"(x))
#else
#define KEEP(x)
#endif
// Sums stay in registers only where every loop over them is unrolled.
#ifdef __clang__
#define FULL _Pragma("clang loop unroll(full)")
#else
#define FULL _Pragma("GCC unroll 64")
#endif
#define INLINE static inline __attribute__((always_inline))

// y[o][h - kh + 1][w - kw + 1] = bias[o] + sum over ci, ky, kx of weight * x[ci][y + ky][x + kx].
// packed: weights as [block of `at_once` outputs][ci][kh][kw][output of the block]; `act` non-null: PReLU of y as well.
INLINE void convolve(const float *x, long h, long w, const float *packed, const float *bias, const float *slope,
                     float *y, float *act, const int ci, const int co, const int kh, const int kw, const int at_once) {
    const long oh = h - kh + 1, ow = w - kw + 1;
    const long vectors = (ow + LANES - 1) / LANES;
    for (long row = 0; row < oh; row++)
        for (long first = 0; first < vectors; first += VECTORS) {
            long at[VECTORS];
            FULL for (int v = 0; v < VECTORS; v++) {
                long start = (first + v) * LANES;
                at[v] = start > ow - LANES ? ow - LANES : start;
            }
            for (int block = 0; block < co; block += at_once) {
                vec sum[CO_MOST][VECTORS];
                FULL for (int o = 0; o < at_once; o++)
                    FULL for (int v = 0; v < VECTORS; v++) sum[o][v] = (vec){0} + (bias ? bias[block + o] : 0.0f);
                const float *weight = packed + (long)block * ci * kh * kw;
                for (int c = 0; c < ci; c++)
                    for (int ky = 0; ky < kh; ky++) {
                        const float *line = x + (c * h + row + ky) * w;
                        for (int kx = 0; kx < kw; kx++, weight += at_once) {
                            vec in[VECTORS];
                            FULL for (int v = 0; v < VECTORS; v++) in[v] = LOAD(line + at[v] + kx);
                            FULL for (int o = 0; o < at_once; o++) {
                                vec factor = (vec){0} + weight[o];
                                KEEP(factor);
                                FULL for (int v = 0; v < VECTORS; v++) sum[o][v] += in[v] * factor;
                            }
                        }
                    }
                FULL for (int o = 0; o < at_once; o++)
                    FULL for (int v = 0; v < VECTORS; v++) {
                        long place = ((block + o) * oh + row) * ow + at[v];
                        STORE(y + place, sum[o][v]);
                        if (act) {
                            vec low = sum[o][v] * slope[block + o];
                            ivec up = sum[o][v] > 0;
                            STORE(act + place, (vec)((up & (ivec)sum[o][v]) | (~up & (ivec)low)));
                        }
                    }
            }
        }
}

void conv_forward(const float *x, long n, long h, long w, const float *packed, const float *bias, const float *slope,
                    float *y, float *act) {
    const long in = CI * h * w, out = CO * (h - KH + 1) * (w - KW + 1);
    for (long i = 0; i < n * GROUPS; i++) {
        const long group = i % GROUPS;
        convolve(x + i * in, h, w, packed + group * CO * CI * KH * KW, bias + group * CO,
                 slope ? slope + group * CO : 0, y + i * out, act ? act + i * out : 0, CI, CO, KH, KW, CO_AT_ONCE);
    }
}

// The lanes of the last vector of a row that the one before it does not hold.
INLINE ivec last_lanes(long ow) {
    const long before = (ow + LANES - 1) / LANES * LANES - LANES;
    ivec mask;
    for (int lane = 0; lane < LANES; lane++) mask[lane] = ow - LANES + lane >= before ? -1 : 0;
    return mask;
}

// The gradient of the weights from one image: rows in chunks that stay in the first-level cache.
INLINE void weigh(const float *x, long h, long w, const float *dy, long dh, long dw, vec *dweight) {
    const long oh = h - KH + 1, ow = w - KW + 1;
    const long vectors = (ow + LANES - 1) / LANES;
    const ivec mask = last_lanes(ow);
    for (long top = 0; top < oh; top += 8) {
        const long end = top + 8 < oh ? top + 8 : oh;
        for (int block = 0; block < CO; block += DW_AT_ONCE)
            for (int c = 0; c < CI; c++)
                for (int ky = 0; ky < KH; ky++) {
                    vec sum[DW_AT_ONCE][KW];
                    FULL for (int o = 0; o < DW_AT_ONCE; o++)
                        FULL for (int kx = 0; kx < KW; kx++) sum[o][kx] = dweight[((block + o) * CI + c) * KH * KW + ky * KW + kx];
                    for (long row = top; row < end; row++) {
                        const float *line = x + (c * h + row + ky) * w;
                        const float *other = dy + (block * dh + row + KH - 1) * dw + KW - 1;
                        for (long at = 0; at < (vectors - 1) * LANES; at += LANES) {
                            vec in[KW];
                            FULL for (int kx = 0; kx < KW; kx++) in[kx] = LOAD(line + at + kx);
                            FULL for (int o = 0; o < DW_AT_ONCE; o++) {
                                vec d = LOAD(other + o * dh * dw + at);
                                FULL for (int kx = 0; kx < KW; kx++) sum[o][kx] += d * in[kx];
                            }
                        }
                        vec in[KW];
                        FULL for (int kx = 0; kx < KW; kx++) in[kx] = LOAD(line + ow - LANES + kx);
                        FULL for (int o = 0; o < DW_AT_ONCE; o++) {
                            vec d = (vec)((ivec)LOAD(other + o * dh * dw + ow - LANES) & mask);
                            FULL for (int kx = 0; kx < KW; kx++) sum[o][kx] += d * in[kx];
                        }
                    }
                    FULL for (int o = 0; o < DW_AT_ONCE; o++)
                        FULL for (int kx = 0; kx < KW; kx++) dweight[((block + o) * CI + c) * KH * KW + ky * KW + kx] = sum[o][kx];
                }
    }
}

// flipped: weights with both axes reversed, packed for CI outputs. dx may be null. scratch: CO (h + KH - 1) (w + KW - 1)
// floats of zeros (its border stays zero), then 4 + GROUPS CO CI KH KW vectors.
void conv_backward(const float *x, long n, long h, long w, const float *flipped, const float *slope, const float *y,
                     const float *dact, float *dx, float *dweight, float *dbias, float *dslope, float *scratch) {
    const long oh = h - KH + 1, ow = w - KW + 1, dh = h + KH - 1, dw = w + KW - 1;
    unsigned long end = (unsigned long)(scratch + CO * dh * dw + LANES);
    vec *weights = (vec *)(end - end % sizeof(vec) + sizeof(vec));
    for (long i = 0; i < GROUPS * CO * CI * KH * KW; i++) weights[i] = (vec){0};
    const long vectors = (ow + LANES - 1) / LANES;
    const ivec mask = last_lanes(ow);
    for (int o = 0; o < GROUPS * CO; o++) dbias[o] = dslope[o] = 0;
    for (long i = 0; i < n * GROUPS; i++) {
        const long first = i % GROUPS * CO, taps = first * CI * KH * KW;
        for (int o = 0; o < CO; o++) {
            vec bias = {0}, steep = {0};
            for (long row = 0; row < oh; row++) {
                const long from = ((i * CO + o) * oh + row) * ow;
                float *to = scratch + (o * dh + row + KH - 1) * dw + KW - 1;
                for (long v = 0; v < vectors; v++) {
                    const int last = v == vectors - 1;
                    const long at = last ? ow - LANES : v * LANES;
                    vec d = LOAD(dact + from + at), here = d;
                    if (last) here = (vec)((ivec)d & mask);
                    if (slope) {
                        vec value = LOAD(y + from + at);
                        ivec up = value > 0;
                        steep += (vec)(~up & (ivec)(here * value));
                        vec low = d * slope[first + o];
                        d = (vec)((up & (ivec)d) | (~up & (ivec)low));
                        low = here * slope[first + o];
                        here = (vec)((up & (ivec)here) | (~up & (ivec)low));
                    }
                    bias += here;
                    STORE(to + at, d);
                }
            }
            for (int lane = 0; lane < LANES; lane++) dbias[first + o] += bias[lane], dslope[first + o] += steep[lane];
        }
        if (dx) convolve(scratch, dh, dw, flipped + taps, 0, 0, dx + i * CI * h * w, 0, CO, CI, KH, KW, CI_AT_ONCE);
        weigh(x + i * CI * h * w, h, w, scratch, dh, dw, weights + taps);
    }
    for (long i = 0; i < GROUPS * CO * CI * KH * KW; i++) {
        float sum = 0;
        for (int lane = 0; lane < LANES; lane++) sum += weights[i][lane];
        dweight[i] = sum;
    }
}

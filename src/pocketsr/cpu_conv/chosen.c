// Valid convolution whose kernel is chosen pixel by pixel among K, and its gradients; planes of floats, an image at a time.
// K (at most 64), CI and CO (of a group), GROUPS, KH, KW, LANES are defined above this text, and register blocks:
// OUTPUTS of GROUPS_OUT groups at once forward, in SUMS sums each; INPUTS of GROUPS_IN for the input's gradient; DW_AT_ONCE.
//
// A vector holds neighbouring pixels of a row. Of 8 neighbours, 3 classes are met on average (of 16 by direction and
// strength), so a vector is computed once for each class that is met in it, weights broadcast, and lanes are picked:
// with tables of 16 in registers of 8 a lookup for every weight costs more. The last vector of a row overlaps the one before.

typedef float vec __attribute__((vector_size(4 * LANES)));
typedef int ivec __attribute__((vector_size(4 * LANES)));
typedef struct { vec v; } __attribute__((packed, aligned(4))) loose;
typedef struct { ivec v; } __attribute__((packed, aligned(4))) iloose;
typedef unsigned long long set; // of classes

#define LOAD(p) (((const loose *)(p))->v)
#define LOADI(p) (((const iloose *)(p))->v)
#define STORE(p, x) (((loose *)(p))->v = (x))
#define PICK(mask, yes, no) ((vec)(((mask) & (ivec)(yes)) | (~(mask) & (ivec)(no))))
#ifdef __clang__
#define FULL _Pragma("clang loop unroll(full)")
#else
#define FULL _Pragma("GCC unroll 64")
#endif
#define INLINE static inline __attribute__((always_inline))
#define TAPS (KH * KW)
#define ROWS 8 // of a tile for the weights' gradient, and
#define COLUMNS 8 // vectors: what is masked stays in the first-level cache

// met[p]: the classes among the LANES pixels from p on; none is -1. The ends of rows, where no vector begins, are garbage.
static void find_met(const int *classes, long pixels, set *met) {
    for (long p = 0; p < pixels; p++) met[p] = classes[p] < 0 ? 0 : 1ull << classes[p];
    for (int step = 1; step < LANES; step *= 2)
        for (long p = 0; p + step < pixels; p++) met[p] |= met[p + step];
}

// packed: [K][GROUPS / GROUPS_OUT][CO / OUTPUTS][CI][KH][KW][GROUPS_OUT][OUTPUTS]. `act` non-null: PReLU of y as well.
// classes: of each output pixel, 0 .. K - 1. met: oh ow sets, scratch.
void chosen_forward(const float *x, long n, long h, long w, const int *classes, const float *packed, const float *bias,
                    const float *slope, float *y, float *act, set *met) {
    const long oh = h - KH + 1, ow = w - KW + 1;
    for (long i = 0; i < n; i++, classes += oh * ow) {
        find_met(classes, oh * ow, met);
        for (long row = 0; row < oh; row++)
            for (long first = 0; first < ow; first += LANES) {
                const long at = first > ow - LANES ? ow - LANES : first;
                const ivec here = LOADI(classes + row * ow + at);
                for (long block = 0; block < GROUPS * CO; block += GROUPS_OUT * OUTPUTS) {
                    const long group = block / CO, output = block % CO;
                    vec out[GROUPS_OUT][OUTPUTS];
                    for (set left = met[row * ow + at]; left; left &= left - 1) {
                        const long class = __builtin_ctzll(left);
                        const float *weight = packed + (class * GROUPS * CO + block) * CI * TAPS;
                        vec sum[SUMS][GROUPS_OUT][OUTPUTS];
                        FULL for (int s = 0; s < SUMS; s++)
                            FULL for (int g = 0; g < GROUPS_OUT; g++)
                                FULL for (int o = 0; o < OUTPUTS; o++) sum[s][g][o] = (vec){0};
                        for (int c = 0; c < CI; c++)
                            FULL for (int ky = 0; ky < KH; ky++)
                                FULL for (int kx = 0; kx < KW; kx++, weight += GROUPS_OUT * OUTPUTS)
                                    FULL for (int g = 0; g < GROUPS_OUT; g++) {
                                        const vec in = LOAD(x + (((i * GROUPS + group + g) * CI + c) * h + row + ky) * w + at + kx);
                                        FULL for (int o = 0; o < OUTPUTS; o++)
                                            sum[ky % SUMS][g][o] += in * ((vec){0} + weight[g * OUTPUTS + o]);
                                    }
                        const ivec mask = here == (int)class;
                        FULL for (int g = 0; g < GROUPS_OUT; g++)
                            FULL for (int o = 0; o < OUTPUTS; o++) {
                                vec total = sum[0][g][o];
                                FULL for (int s = 1; s < SUMS; s++) total += sum[s][g][o];
                                out[g][o] = PICK(mask, total, out[g][o]);
                            }
                    }
                    FULL for (int g = 0; g < GROUPS_OUT; g++)
                        FULL for (int o = 0; o < OUTPUTS; o++) {
                            const long channel = (group + g) * CO + output + o;
                            const long place = ((i * GROUPS * CO + channel) * oh + row) * ow + at;
                            const vec value = out[g][o] + bias[channel];
                            STORE(y + place, value);
                            if (act) {
                                const vec low = value * slope[channel];
                                STORE(act + place, PICK(value > 0, value, low));
                            }
                        }
                }
            }
    }
}

// The lanes of the last vector of a row that the one before it does not hold.
INLINE ivec last_lanes(long ow) {
    const long before = (ow + LANES - 1) / LANES * LANES - LANES;
    ivec mask;
    for (int lane = 0; lane < LANES; lane++) mask[lane] = ow - LANES + lane >= before ? -1 : 0;
    return mask;
}

// The gradient of all kernels from one image. classes and d have borders of KH - 1 and KW - 1.
static void weigh(const float *x, long h, long w, const int *classes, const set *met, const float *d, vec *dweight,
                  vec *masked) {
    const long oh = h - KH + 1, ow = w - KW + 1, dh = h + KH - 1, dw = w + KW - 1;
    const ivec last = last_lanes(ow);
    long from[ROWS * COLUMNS]; // where the entries of `masked`, GROUPS CO vectors each, begin in x
    for (long top = 0; top < oh; top += ROWS)
        for (long first = 0; first < ow; first += COLUMNS * LANES) {
            const long bottom = top + ROWS < oh ? top + ROWS : oh;
            const long end = first + COLUMNS * LANES < ow ? first + COLUMNS * LANES : ow;
            set all = 0;
            for (long row = top; row < bottom; row++)
                for (long start = first; start < end; start += LANES)
                    all |= met[(row + KH - 1) * dw + KW - 1 + (start > ow - LANES ? ow - LANES : start)];
            for (; all; all &= all - 1) {
                const long class = __builtin_ctzll(all);
                long entries = 0;
                for (long row = top; row < bottom; row++)
                    for (long start = first; start < end; start += LANES) {
                        const long at = start > ow - LANES ? ow - LANES : start;
                        const long place = (row + KH - 1) * dw + KW - 1 + at;
                        if (!(met[place] >> class & 1)) continue;
                        ivec mask = LOADI(classes + place) == (int)class;
                        if (start + LANES >= ow) mask &= last;
                        for (int o = 0; o < GROUPS * CO; o++)
                            masked[entries * GROUPS * CO + o] = (vec)(mask & (ivec)LOAD(d + o * dh * dw + place));
                        from[entries++] = row * w + at;
                    }
                vec *into = dweight + class * GROUPS * CO * CI * TAPS;
                for (int block = 0; block < GROUPS * CO; block += DW_AT_ONCE)
                    for (int c = 0; c < CI; c++)
                        for (int ky = 0; ky < KH; ky++) {
                            const float *plane = x + (block / CO * CI + c) * h * w + ky * w;
                            vec sum[DW_AT_ONCE][KW];
                            FULL for (int o = 0; o < DW_AT_ONCE; o++)
                                FULL for (int kx = 0; kx < KW; kx++) sum[o][kx] = into[((block + o) * CI + c) * TAPS + ky * KW + kx];
                            for (long entry = 0; entry < entries; entry++) {
                                vec in[KW];
                                FULL for (int kx = 0; kx < KW; kx++) in[kx] = LOAD(plane + from[entry] + kx);
                                FULL for (int o = 0; o < DW_AT_ONCE; o++) {
                                    const vec one = masked[entry * GROUPS * CO + block + o];
                                    FULL for (int kx = 0; kx < KW; kx++) sum[o][kx] += one * in[kx];
                                }
                            }
                            FULL for (int o = 0; o < DW_AT_ONCE; o++)
                                FULL for (int kx = 0; kx < KW; kx++) into[((block + o) * CI + c) * TAPS + ky * KW + kx] = sum[o][kx];
                        }
            }
        }
}

// The gradient of the input of one image. Each tap sees other classes: those of the outputs that it went into.
// flipped: [K][GROUPS / GROUPS_IN][CI / INPUTS][KH][KW][CO][GROUPS_IN][INPUTS], taps reversed.
static void spread(float *dx, long h, long w, const int *classes, const set *met, const float *d, const float *flipped) {
    const long dh = h + KH - 1, dw = w + KW - 1;
    for (long row = 0; row < h; row++)
        for (long first = 0; first < w; first += LANES) {
            const long at = first > w - LANES ? w - LANES : first;
            for (long block = 0; block < GROUPS * CI; block += GROUPS_IN * INPUTS) {
                const long group = block / CI;
                vec sum[GROUPS_IN][INPUTS];
                FULL for (int g = 0; g < GROUPS_IN; g++)
                    FULL for (int c = 0; c < INPUTS; c++) sum[g][c] = (vec){0};
                for (int ky = 0; ky < KH; ky++)
                    for (int kx = 0; kx < KW; kx++) {
                        const long place = (row + ky) * dw + at + kx;
                        const ivec here = LOADI(classes + place);
                        for (set left = met[place]; left; left &= left - 1) {
                            const long class = __builtin_ctzll(left);
                            const ivec mask = here == (int)class;
                            const float *weight = flipped + ((class * GROUPS * CI + block) * TAPS +
                                                             (ky * KW + kx) * GROUPS_IN * INPUTS) * CO;
                            FULL for (int o = 0; o < CO; o++, weight += GROUPS_IN * INPUTS)
                                FULL for (int g = 0; g < GROUPS_IN; g++) {
                                    const vec one = (vec)(mask & (ivec)LOAD(d + ((group + g) * CO + o) * dh * dw + place));
                                    FULL for (int c = 0; c < INPUTS; c++)
                                        sum[g][c] += one * ((vec){0} + weight[g * INPUTS + c]);
                                }
                        }
                    }
                FULL for (int g = 0; g < GROUPS_IN; g++)
                    FULL for (int c = 0; c < INPUTS; c++)
                        STORE(dx + ((group + g) * CI + block % CI + c) * h * w + row * w + at, sum[g][c]);
            }
        }
}

// dx may be null. Scratch, in this order of alignment: vectors: K GROUPS CO CI KH KW + 64 GROUPS CO vectors, aligned;
// met: dh dw sets; wide: GROUPS CO dh dw floats; classes_wide: dh dw, with dh = h + KH - 1 and dw = w + KW - 1.
void chosen_backward(const float *x, long n, long h, long w, const int *classes, const float *flipped,
                     const float *slope, const float *y, const float *dact, float *dx, float *dweight, float *dbias,
                     float *dslope, vec *vectors, set *met, float *wide, int *classes_wide) {
    const long oh = h - KH + 1, ow = w - KW + 1, dh = h + KH - 1, dw = w + KW - 1;
    const long weights = (long)K * GROUPS * CO * CI * TAPS;
    const ivec last = last_lanes(ow);
    for (long j = 0; j < weights; j++) vectors[j] = (vec){0};
    for (long j = 0; j < dh * dw; j++) classes_wide[j] = -1;
    for (long j = 0; j < GROUPS * CO * dh * dw; j++) wide[j] = 0;
    for (int o = 0; o < GROUPS * CO; o++) dbias[o] = dslope[o] = 0;
    for (long i = 0; i < n; i++) {
        for (long row = 0; row < oh; row++)
            for (long column = 0; column < ow; column++)
                classes_wide[(row + KH - 1) * dw + KW - 1 + column] = classes[(i * oh + row) * ow + column];
        find_met(classes_wide, dh * dw, met);
        for (int o = 0; o < GROUPS * CO; o++) {
            vec bias = {0}, steep = {0};
            for (long row = 0; row < oh; row++)
                for (long first = 0; first < ow; first += LANES) {
                    const long at = first > ow - LANES ? ow - LANES : first;
                    const long from = ((i * GROUPS * CO + o) * oh + row) * ow + at;
                    const ivec counted = first + LANES >= ow ? last : ~(ivec){0};
                    vec d = LOAD(dact + from);
                    if (slope) {
                        const vec value = LOAD(y + from);
                        const ivec up = value > 0;
                        const vec product = d * value, low = d * slope[o];
                        steep += (vec)(counted & ~up & (ivec)product);
                        d = PICK(up, d, low);
                    }
                    bias += (vec)(counted & (ivec)d);
                    STORE(wide + (o * dh + row + KH - 1) * dw + KW - 1 + at, d);
                }
            for (int lane = 0; lane < LANES; lane++) dbias[o] += bias[lane], dslope[o] += steep[lane];
        }
        if (dx) spread(dx + i * GROUPS * CI * h * w, h, w, classes_wide, met, wide, flipped);
        weigh(x + i * GROUPS * CI * h * w, h, w, classes_wide, met, wide, vectors, vectors + weights);
    }
    for (long j = 0; j < weights; j++) {
        float sum = 0;
        for (int lane = 0; lane < LANES; lane++) sum += vectors[j][lane];
        dweight[j] = sum;
    }
}

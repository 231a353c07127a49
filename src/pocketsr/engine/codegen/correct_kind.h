
/* count of the row's samples from..last, every step-th, as numbers; beyond its ends the samples there. */
static void fill_@KIND@(@SUM@ *to, const @PIXEL@ *row, ptrdiff_t from, int step, ptrdiff_t last, int count)
{
    if (from < 0 || from + step * (ptrdiff_t)(count - 1) > last) {
        for (int i = 0; i < count; i++) to[i] = row[within(from + step * (ptrdiff_t)i, last)];
    } else if (step == 1) {
        for (int i = 0; i < count; i++) to[i] = row[from + i];
    } else {
        for (int i = 0; i < count; i++) to[i] = row[from + 2 * i];
    }
}

INLINE @VECTOR@ load_@KIND@(const @SUM@ *p) { @VECTOR@ v; __builtin_memcpy(&v, p, sizeof v); return v; }

void @NAME@_correct_@KIND@(const int8_t *coefficients, const @PIXEL@ *low, ptrdiff_t low_stride, const @PIXEL@ *high,
    ptrdiff_t high_stride, @PIXEL@ *out, ptrdiff_t out_stride, int w, int h, @MAX_VALUE@int first, int last)
{
    @SUM@ near[NEAR][ROOM], even[FAR][ROOM], odd[FAR][ROOM]; /* columns x - 2..; 2 x..; 2 x - 1.. */
    @SUM@ weights[TAPS][PHASES], all[PHASES];
    const @SUM@ *taps[TAPS];
    for (int p = 0; p < PHASES; p++) {
        all[p] = 0;
        for (int t = 0; t < TAPS; t++) {
            weights[t][p] = (@SUM@)coefficients[TAPS * p + t];
            all[p] += weights[t][p];
        }
    }
    for (int t = 0; t < NEAR * NEAR; t++) taps[t] = near[t / NEAR] + t % NEAR;
    for (int t = 0; t < FAR * FAR; t++) {
        const int row = t / FAR, column = t % FAR; /* 2 x - 1, 2 x, 2 x + 1, 2 x + 2 */
        taps[NEAR * NEAR + t] = (column % 2 ? even : odd)[row] + column / 2;
    }
    for (int y = first; y < last; y++)
        for (int x = 0; x < w; x += TILE) {
            for (int r = 0; r < NEAR; r++)
                fill_@KIND@(near[r], low + within(y + r - 2, h - 1) * low_stride, x - 2, 1, w - 1, TILE + 4);
            for (int r = 0; r < FAR; r++) {
                const @PIXEL@ *row = high + within(2 * (ptrdiff_t)y + r - 1, 2 * (ptrdiff_t)h - 1) * high_stride;
                fill_@KIND@(even[r], row, 2 * (ptrdiff_t)x, 2, 2 * (ptrdiff_t)w - 1, TILE + 1);
                fill_@KIND@(odd[r], row, 2 * (ptrdiff_t)x - 1, 2, 2 * (ptrdiff_t)w - 1, TILE + 1);
            }
            int32_t made[PHASES][TILE];
            for (int at = 0; at < TILE; at += 2 * LANES) {
                @VECTOR@ sums[PHASES][2] = {{{0}}};
                for (int t = 0; t < TAPS; t++) {
                    const @VECTOR@ a = load_@KIND@(taps[t] + at), b = load_@KIND@(taps[t] + at + LANES);
                    UNROLL for (int p = 0; p < PHASES; p++) {
                        sums[p][0] += weights[t][p] * a;
                        sums[p][1] += weights[t][p] * b;
                    }
                }
                UNROLL for (int part = 0; part < 2; part++) {
                    const int i = at + LANES * part;
                    const @VECTOR@ own[PHASES] = {
                        load_@KIND@(even[1] + i), load_@KIND@(odd[1] + i + 1),
                        load_@KIND@(even[2] + i), load_@KIND@(odd[2] + i + 1)
                    };
                    const @VECTOR@ four = own[0] + own[1] + own[2] + own[3];
                    UNROLL for (int p = 0; p < PHASES; p++) {
                        const vi total = whole_@WHOLE@(4 * sums[p][part] - all[p] * four + 128);
                        vi value = whole_@WHOLE@(own[p]) + (total >> 8);
                        value &= ~(value < 0);
                        const vi above = value > @TOP@;
                        value = (@TOP@ & above) | (value & ~above);
                        __builtin_memcpy(made[p] + i, &value, sizeof value);
                    }
                }
            }
            const int count = w - x < TILE ? w - x : TILE;
            for (int i = 0; i < 2; i++) {
                @PIXEL@ *to = out + (2 * (ptrdiff_t)y + i) * out_stride + 2 * (ptrdiff_t)x;
                for (int c = 0; c < count; c++) {
                    to[2 * c] = (@PIXEL@)made[2 * i][c];
                    to[2 * c + 1] = (@PIXEL@)made[2 * i + 1][c];
                }
            }
        }
}

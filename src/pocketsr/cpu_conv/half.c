// PReLU of bfloat16 numbers and its gradients, for convolutions whose pixels lie side by side with all their channels.
// The slopes of the channels are repeated to `period` numbers, so that a loop over them is long and has no remainder.

typedef unsigned short half;

static inline float widened(half number) {
    const union { unsigned bits; float value; } both = {(unsigned)number << 16};
    return both.value;
}

// To the nearest, ties to even.
static inline half rounded(float number) {
    const union { float value; unsigned bits; } both = {number};
    return (half)((both.bits + 0x7fff + ((both.bits >> 16) & 1)) >> 16);
}

void half_prelu(const half *restrict y, const float *restrict slope, long period, half *restrict act, long count) {
    for (long start = 0; start < count; start += period) {
        const long end = count - start < period ? count - start : period;
        for (long i = 0; i < end; i++) {
            const float value = widened(y[start + i]);
            act[start + i] = rounded(value > 0 ? value : value * slope[i]);
        }
    }
}

// `sums` gets the gradient of each of the `period` slopes.
void half_prelu_backward(const half *restrict y, const half *restrict grad, const float *restrict slope, long period,
                         half *restrict dy, float *restrict sums, long count) {
    for (long i = 0; i < period; i++) sums[i] = 0;
    for (long start = 0; start < count; start += period) {
        const long end = count - start < period ? count - start : period;
        for (long i = 0; i < end; i++) {
            const float value = widened(y[start + i]), change = widened(grad[start + i]);
            dy[start + i] = rounded(value > 0 ? change : change * slope[i]);
            sums[i] += value > 0 ? 0 : change * value;
        }
    }
}

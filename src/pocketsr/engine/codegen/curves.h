INLINE vf clip(vf x, float low, float high) { return vmin(vmax(x, SPLAT(low)), SPLAT(high)); }
/* PReLU in two instructions: x + (slope - 1) * min(x, 0) */
INLINE vf prelu(vf x, vf slope_less_1) { return x + slope_less_1 * vmin(x, SPLAT(0.0f)); }

/* e^x to about 1 unit in the last place (Cephes expf), for the activations that need it */
INLINE vf vexp(vf x)
{
    x = clip(x, -87.0f, 88.0f);
    /* adding and taking away 1.5 * 2^23 rounds to the nearest integer */
    vf f = (x * 1.44269504f + 12582912.0f) - 12582912.0f;
    vi n = __builtin_convertvector(f, vi);
    vf r = x - f * 0.693359375f + f * 2.12194440e-4f;
    vf p = ((((1.9875691500e-4f * r + 1.3981999507e-3f) * r + 8.3334519073e-3f) * r + 4.1665795894e-2f) * r
            + 1.6666665459e-1f) * r + 5.0000001201e-1f;
    vi power = (n + 127) << 23;
    vf scale;
    __builtin_memcpy(&scale, &power, sizeof scale);
    return (p * r * r + r + 1.0f) * scale;
}
INLINE vf vsigmoid(vf x) { return 1.0f / (1.0f + vexp(-x)); }
INLINE vf vtanh(vf x) { return 1.0f - 2.0f / (1.0f + vexp(2.0f * x)); }
INLINE vf vabs(vf x) { return vmax(x, -x); }
/* 1 / sqrt(x) by Newton's steps from a guess made of its bits, then Heron's step to a root good to the last place */
INLINE vf vsqrt(vf x)
{
    vi bits;
    vf r, root;
    __builtin_memcpy(&bits, &x, sizeof bits);
    bits = 0x5f375a86 - (bits >> 1);
    __builtin_memcpy(&r, &bits, sizeof r);
    for (int i = 0; i < 3; i++) r = r * (1.5f - 0.5f * x * r * r);
    root = x * r;
    return root + 0.5f * r * (x - root * root);
}
/* erf to 1.5e-7 (Abramowitz and Stegun 7.1.26) */
INLINE vf verf(vf x)
{
    vf a = vabs(x), t = 1.0f / (1.0f + 0.3275911f * a);
    vf y = ((((1.061405429f * t - 1.453152027f) * t + 1.421413741f) * t - 0.284496736f) * t + 0.254829592f) * t;
    y = 1.0f - y * vexp(-a * a);
    return y * (clip(x * 1e30f, -1.0f, 1.0f));
}

/* the lower and the upper half of a0 b0 a1 b1 a2 b2 ..., and every other element of a then b */
#define PICK(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#if VL == 4
#define ZIP_LOW(a, b) PICK(a, b, 0, 4, 1, 5)
#define ZIP_HIGH(a, b) PICK(a, b, 2, 6, 3, 7)
#define EVEN(a, b) PICK(a, b, 0, 2, 4, 6)
#define ODD(a, b) PICK(a, b, 1, 3, 5, 7)
#elif VL == 8
#define ZIP_LOW(a, b) PICK(a, b, 0, 8, 1, 9, 2, 10, 3, 11)
#define ZIP_HIGH(a, b) PICK(a, b, 4, 12, 5, 13, 6, 14, 7, 15)
#define EVEN(a, b) PICK(a, b, 0, 2, 4, 6, 8, 10, 12, 14)
#define ODD(a, b) PICK(a, b, 1, 3, 5, 7, 9, 11, 13, 15)
#else
#define ZIP_LOW(a, b) PICK(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23)
#define ZIP_HIGH(a, b) PICK(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31)
#define EVEN(a, b) PICK(a, b, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30)
#define ODD(a, b) PICK(a, b, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31)
#endif

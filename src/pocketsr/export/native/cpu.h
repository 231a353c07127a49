/* What this processor has, asked for without any library where the system allows that. */
enum { AVX2 = 1, AVX512 = 2, AVX512VNNI = 4, AVXVNNI = 8, DOTPROD = 16, I8MM = 32 };
#if defined(__ARM_FEATURE_DOTPROD)
#define COMPILED_FOR DOTPROD
#else
#define COMPILED_FOR 0u
#endif

#if defined(__x86_64__)
static void cpuid(unsigned leaf, unsigned part, unsigned *r)
{
    __asm__ volatile("cpuid" : "=a"(r[0]), "=b"(r[1]), "=c"(r[2]), "=d"(r[3]) : "a"(leaf), "c"(part));
}
static unsigned cpu_features(void)
{
    enum { FMA = 1 << 12, SAVES = 1 << 27, YMM = 0x06, ZMM = 0xe6 };
    const unsigned f_dq_bw_vl = 1u << 16 | 1u << 17 | 1u << 30 | 1u << 31;
    unsigned r[4], state, high, has = 0;
    cpuid(0, 0, r);
    if (r[0] < 7) return 0;
    cpuid(1, 0, r);
    if (!(r[2] & FMA) || !(r[2] & SAVES)) return 0;
    __asm__ volatile("xgetbv" : "=a"(state), "=d"(high) : "c"(0)); /* which registers the system saves */
    (void)high;
    cpuid(7, 0, r);
    if ((state & YMM) != YMM || !(r[1] >> 5 & 1)) return 0;
    has = AVX2;
    if ((state & ZMM) == ZMM && (r[1] & f_dq_bw_vl) == f_dq_bw_vl) has |= r[2] >> 11 & 1 ? AVX512 | AVX512VNNI : AVX512;
    if (r[0] >= 1) {
        cpuid(7, 1, r);
        if (r[0] >> 4 & 1) has |= AVXVNNI;
    }
    return has;
}
#elif defined(__aarch64__) && defined(__ARM_FEATURE_MATMUL_INT8) /* compiled for processors that have it */
static unsigned cpu_features(void) { return DOTPROD | I8MM; }
#elif defined(__aarch64__) && defined(__linux__) /* Android, too, from 4.3 on */
extern unsigned long getauxval(unsigned long type) __attribute__((weak));
static unsigned cpu_features(void)
{
    enum { AT_HWCAP = 16, AT_HWCAP2 = 26, HWCAP_ASIMDDP = 1 << 20, HWCAP2_I8MM = 1 << 13 };
    if (!getauxval) return COMPILED_FOR;
    const unsigned has = getauxval(AT_HWCAP2) & HWCAP2_I8MM ? I8MM : 0; /* 0 before Linux 5.6: none has it there */
    return has | COMPILED_FOR | (getauxval(AT_HWCAP) & HWCAP_ASIMDDP ? DOTPROD : 0);
}
#elif defined(__aarch64__) && defined(__APPLE__)
int sysctlbyname(const char *name, void *old, size_t *old_size, void *new_, size_t new_size);
static unsigned has_feature(const char *name, unsigned bit)
{
    int has = 0; /* iOS before 15 doesn't know the names: the plain variant runs there */
    size_t size = sizeof has;
    return sysctlbyname(name, &has, &size, (void *)0, 0) == 0 && has ? bit : 0;
}
static unsigned cpu_features(void)
{
    return COMPILED_FOR | has_feature("hw.optional.arm.FEAT_DotProd", DOTPROD)
        | has_feature("hw.optional.arm.FEAT_I8MM", I8MM);
}
#elif defined(__aarch64__) && defined(_WIN32)
static unsigned cpu_features(void)
{
    /* KUSER_SHARED_DATA.ProcessorFeatures (ntddk.h), which IsProcessorFeaturePresent reads, at its fixed address */
    enum { PF_ARM_V82_DP_INSTRUCTIONS_AVAILABLE = 43 };
    const volatile unsigned char *features = (const volatile unsigned char *)0x7ffe0274; /* 64 of them: not I8MM's */
    return COMPILED_FOR | (features[PF_ARM_V82_DP_INSTRUCTIONS_AVAILABLE] ? DOTPROD : 0);
}
#else
static unsigned cpu_features(void) { return 0; }
#endif

/* Up to four weights, and one of them in all lanes: as an operand, which 64-bit ARM takes from a lane */
INLINE vf four_of(const float *w, int count)
{
    vf k = {0};
    __builtin_memcpy(&k, w, 4 * (size_t)count);
    return k;
}
#if __has_builtin(__builtin_shufflevector)
#define LANE(k, lane) __builtin_shufflevector(k, k, lane, lane, lane, lane)
#else
#define LANE(k, lane) SPLAT((k)[lane])
#endif


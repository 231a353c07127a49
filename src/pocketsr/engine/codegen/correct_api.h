#ifndef POCKETSR_@UPPER@_CORRECT_H
#define POCKETSR_@UPPER@_CORRECT_H
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A correction that came along with a picture (pocketsr's docs/correction-format.md), applied to what a x2 network made of
   it. low: w x h samples, as decoded. high: 2w x 2h samples, as the network gave them for `low`. out: 2w x 2h, corrected;
   memory of its own, since all that is read is from before the correction. Strides count samples.

   coefficients: 164 numbers of -127 to 127, phase by phase, as the message has them; others at every call if you like.
   Rows [first, last) of `low` are corrected, two of `out` for each: 0 to h for all of them, and any cut of these among
   threads gives the same bits. w and h: at least 1. u16: `max_value` is the largest sample, 1023 for 10 bits. */
void @NAME@_correct_u8(const int8_t *coefficients, const uint8_t *low, ptrdiff_t low_stride, const uint8_t *high,
    ptrdiff_t high_stride, uint8_t *out, ptrdiff_t out_stride, int w, int h, int first, int last);

void @NAME@_correct_u16(const int8_t *coefficients, const uint16_t *low, ptrdiff_t low_stride, const uint16_t *high,
    ptrdiff_t high_stride, uint16_t *out, ptrdiff_t out_stride, int w, int h, int max_value, int first, int last);

#ifdef __cplusplus
}
#endif

#endif

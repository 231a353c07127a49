#ifndef POCKETSR_GOLDEN_FP32_H
#define POCKETSR_GOLDEN_FP32_H
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* 1 plane(s) of w x h pixels in, 1 of 2w x 2h out. Strides count samples.

   A frame has golden_fp32_bands(h) bands; [first, last) may be cut among threads in any way, each with scratch memory of
   its own of golden_fp32_scratch(w) bytes. The result does not depend on the cut. u16: `max_value` is the largest sample,
   1023 for 10 bits. f32: values as the network has them, neither rounded nor clipped.

   A part of a frame: `mask` has a byte for each block of 4 rows and 8 columns of the
   input, its rows are `mask_stride` bytes apart, and the picture's edge may cut the last blocks off. With `changed` 0,
   bytes other than 0 say which blocks of the result are wanted: golden_fp32_u8_part computes those, with the bits that a
   whole run gives them, and leaves the rest of `out` as it is. With `changed` 1 they say which blocks of the input
   differ from the one whose result `out` holds: what depends on them is computed, and `out` is what a whole run gives.
   Without a mask (0) all is computed.

   golden_fp32_changes puts 1 into `changed` for the blocks in which two planes differ, and leaves its other bytes as they
   are; strides count bytes there, and a sample has `bytes` of them. golden_fp32_wanted tells which blocks of the
   result changed ones have an effect on: how much work there is, and where frames are best cut. */

size_t golden_fp32_scratch(int w);
int golden_fp32_bands(int h);

void golden_fp32_u8(const uint8_t *in, ptrdiff_t in_stride, ptrdiff_t in_plane, uint8_t *out, ptrdiff_t out_stride, ptrdiff_t out_plane,
    int w, int h, int first, int last, void *scratch);

void golden_fp32_u16(const uint16_t *in, ptrdiff_t in_stride, ptrdiff_t in_plane, uint16_t *out, ptrdiff_t out_stride, ptrdiff_t out_plane,
    int w, int h, int max_value, int first, int last, void *scratch);

void golden_fp32_f32(const float *in, ptrdiff_t in_stride, ptrdiff_t in_plane, float *out, ptrdiff_t out_stride, ptrdiff_t out_plane,
    int w, int h, int first, int last, void *scratch);

void golden_fp32_u8_part(const uint8_t *in, ptrdiff_t in_stride, ptrdiff_t in_plane, uint8_t *out, ptrdiff_t out_stride, ptrdiff_t out_plane,
    int w, int h, int first, int last, void *scratch,
    const uint8_t *mask, ptrdiff_t mask_stride, int changed);

void golden_fp32_u16_part(const uint16_t *in, ptrdiff_t in_stride, ptrdiff_t in_plane, uint16_t *out, ptrdiff_t out_stride, ptrdiff_t out_plane,
    int w, int h, int max_value, int first, int last, void *scratch,
    const uint8_t *mask, ptrdiff_t mask_stride, int changed);

void golden_fp32_f32_part(const float *in, ptrdiff_t in_stride, ptrdiff_t in_plane, float *out, ptrdiff_t out_stride, ptrdiff_t out_plane,
    int w, int h, int first, int last, void *scratch,
    const uint8_t *mask, ptrdiff_t mask_stride, int changed);

void golden_fp32_changes(const void *a, ptrdiff_t a_stride, const void *b, ptrdiff_t b_stride, int w, int h, int bytes,
    uint8_t *changed, ptrdiff_t changed_stride);

void golden_fp32_wanted(int w, int h, const uint8_t *changed, ptrdiff_t changed_stride, uint8_t *wanted,
    ptrdiff_t wanted_stride);

#ifdef __cplusplus
}
#endif

#endif

#ifndef POCKETSR_GOLDEN_W8A8_H
#define POCKETSR_GOLDEN_W8A8_H
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* 1 plane(s) of w x h pixels in, 1 of 2w x 2h out. Strides count samples.

   A frame has golden_w8a8_bands(h) bands; [first, last) may be cut among threads in any way, each with scratch memory of
   its own of golden_w8a8_scratch(w) bytes. The result does not depend on the cut. u16: `max_value` is the largest sample,
   1023 for 10 bits. f32: values as the network has them, neither rounded nor clipped. */

size_t golden_w8a8_scratch(int w);
int golden_w8a8_bands(int h);

void golden_w8a8_u8(const uint8_t *in, ptrdiff_t in_stride, ptrdiff_t in_plane, uint8_t *out, ptrdiff_t out_stride, ptrdiff_t out_plane,
    int w, int h, int first, int last, void *scratch);

void golden_w8a8_u16(const uint16_t *in, ptrdiff_t in_stride, ptrdiff_t in_plane, uint16_t *out, ptrdiff_t out_stride, ptrdiff_t out_plane,
    int w, int h, int max_value, int first, int last, void *scratch);

void golden_w8a8_f32(const float *in, ptrdiff_t in_stride, ptrdiff_t in_plane, float *out, ptrdiff_t out_stride, ptrdiff_t out_plane,
    int w, int h, int first, int last, void *scratch);

#ifdef __cplusplus
}
#endif

#endif

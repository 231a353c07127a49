#ifndef POCKETSR_@NAME@_I420_H
#define POCKETSR_@NAME@_I420_H
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A frame of w x h pixels in I420: luma, and two planes of half its width and height. Luma goes through the network,
   chroma through bicubic (its samples lie on every other luma column, as MPEG-2 and H.264 have them). All planes of the
   result are @SCALE@ times as wide and high. w and h are even; strides count bytes from a row to the next one. */
typedef struct @NAME@_i420_frame {
    int w, h;
    const uint8_t *y, *u, *v;
    ptrdiff_t y_stride, u_stride, v_stride;
    uint8_t *to_y, *to_u, *to_v; /* the result */
    ptrdiff_t to_y_stride, to_u_stride, to_v_stride;
} @NAME@_i420_frame;

/* A pool of threads: calls task(job, i) once for each i from 0 to count - 1, in any order and on any threads, and returns
   when all of them have returned. */
typedef void @NAME@_parallel(void *pool, int count, void (*task)(void *job, int i), void *job);

/* Bytes of working memory for one strip of a frame of w pixels. */
size_t @NAME@_i420_scratch(int w);

/* Makes the frame in `strips` strips, which `parallel` runs on the pool's threads; without it (0) the caller's thread runs
   them one by one. scratch: `strips` times @NAME@_i420_scratch(w) bytes. The result doesn't depend on the number of strips.
   Returns 1, or 0 for a size that isn't even or positive, rows that overlap, or fewer than one strip: nothing is done. */
int @NAME@_i420(const @NAME@_i420_frame *frame, int strips, void *scratch, @NAME@_parallel *parallel, void *pool);

/* The same for those who run strips in their own way: strip i of `strips`, with scratch of its own. The frame isn't
   looked at first: @NAME@_i420_valid says whether it may be. */
void @NAME@_i420_strip(const @NAME@_i420_frame *frame, int i, int strips, void *scratch);
int @NAME@_i420_valid(const @NAME@_i420_frame *frame);
@DECLARED@
#ifdef __cplusplus
}
#endif

#endif

/* Frames in I420 twice as large, on one thread: frame_c WIDTH HEIGHT IN.yuv OUT.yuv */
#include <stdio.h>
#include <stdlib.h>

#include "tiny_i420.h"

enum { SCALE = 2, MOST = 8192 };

static int fail(const char *what)
{
    fprintf(stderr, "frame: %s\n", what);
    return 1;
}

int main(int argc, char **argv)
{
    if (argc != 5) return fail("four words are expected: WIDTH HEIGHT IN.yuv OUT.yuv");
    const int w = atoi(argv[1]), h = atoi(argv[2]);
    if (w < 2 || h < 2 || w > MOST || h > MOST) return fail("sizes from 2 to 8192 pixels are expected");
    const size_t luma = (size_t)w * (size_t)h, chroma = luma / 4, all = luma + 2 * chroma, s = SCALE * SCALE;
    uint8_t *in = malloc(all), *out = malloc(s * all);
    void *scratch = malloc(tiny_i420_scratch(w));
    FILE *from = fopen(argv[3], "rb"), *to = fopen(argv[4], "wb");
    if (!in || !out || !scratch) return fail("out of memory");
    if (!from || !to) return fail("a file can't be opened");

    tiny_i420_frame frame = {
        .w = w, .h = h,
        .y = in, .u = in + luma, .v = in + luma + chroma,
        .y_stride = w, .u_stride = w / 2, .v_stride = w / 2,
        .to_y = out, .to_u = out + s * luma, .to_v = out + s * (luma + chroma),
        .to_y_stride = SCALE * w, .to_u_stride = SCALE * w / 2, .to_v_stride = SCALE * w / 2,
    };
    while (fread(in, 1, all, from) == all) {
        if (!tiny_i420(&frame, 1, scratch, NULL, NULL)) return fail("an even width and height are expected");
        if (fwrite(out, 1, s * all, to) != s * all) return fail("the result can't be written");
    }
    if (fclose(to) != 0) return fail("the result can't be written");
    fclose(from);
    free(in);
    free(out);
    free(scratch);
    return 0;
}

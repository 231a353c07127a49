/* Reads a frame from standard input, runs the network on all three sample types, writes the results. Exact buffers, so
   that a sanitizer sees every sample read or written outside. argv: width height scale channels strips */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "NAME.h"

static void *need(size_t bytes)
{
    void *p = malloc(bytes);
    if (!p) exit(3);
    return p;
}

int main(int argc, char **argv)
{
    if (argc != 6) return 2;
    const int w = atoi(argv[1]), h = atoi(argv[2]), s = atoi(argv[3]), c = atoi(argv[4]), strips = atoi(argv[5]);
    const size_t in = (size_t)w * (size_t)h * (size_t)c, out = in * (size_t)s * (size_t)s;
    const int bands = NAME_bands(h);
    uint8_t *a = need(in), *b = need(out);
    uint16_t *a2 = need(2 * in), *b2 = need(2 * out);
    float *a4 = need(4 * in), *b4 = need(4 * out);
    if (fread(a, 1, in, stdin) != in) return 4;
    for (size_t i = 0; i < in; i++) { a2[i] = (uint16_t)(a[i] * 4); a4[i] = (float)a[i] / 255.0f; }
    for (int i = 0; i < strips; i++) {
        const int first = bands * i / strips, last = bands * (i + 1) / strips;
        void *scratch = need(NAME_scratch(w));
        memset(scratch, 255, NAME_scratch(w)); /* NaN */
        NAME_u8(a, w, (ptrdiff_t)w * h, b, s * w, (ptrdiff_t)s * s * w * h, w, h, first, last, scratch);
        NAME_u16(a2, w, (ptrdiff_t)w * h, b2, s * w, (ptrdiff_t)s * s * w * h, w, h, 1023, first, last, scratch);
        NAME_f32(a4, w, (ptrdiff_t)w * h, b4, s * w, (ptrdiff_t)s * s * w * h, w, h, first, last, scratch);
        free(scratch);
    }
    fwrite(b, 1, out, stdout);
    fwrite(b2, 2, out, stdout);
    fwrite(b4, 4, out, stdout);
    free(a); free(b); free(a2); free(b2); free(a4); free(b4);
    return 0;
}

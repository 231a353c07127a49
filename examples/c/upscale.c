/* A grey picture twice as large, by a network that `pocketsr compile` made into a library.

       pocketsr compile tiny -o compiled
       cc upscale.c -I compiled -L compiled -l:tiny.so -Wl,-rpath,"$PWD/compiled" -o upscale
       ./upscale small.pgm large.pgm

   PGM: "P5", width, height and 255 in text, then a byte a pixel. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "tiny.h"

enum { SCALE = 2, LARGEST = 16384 };

static int fail(const char *what)
{
    fprintf(stderr, "upscale: %s\n", what);
    return 1;
}

int main(int argc, char **argv)
{
    int w = 0, h = 0, max_value = 0;
    if (argc != 3) return fail("two files are expected: IN.pgm OUT.pgm");
    FILE *in = fopen(argv[1], "rb");
    if (!in) return fail("the picture can't be opened");
    if (fscanf(in, "P5 %d %d %d", &w, &h, &max_value) != 3 || fgetc(in) == EOF) return fail("this is no PGM picture");
    if (w < 1 || h < 1 || w > LARGEST || h > LARGEST || max_value != 255) return fail("this size or depth isn't supported");

    const size_t pixels = (size_t)w * (size_t)h;
    uint8_t *picture = malloc(pixels), *large = malloc(SCALE * SCALE * pixels);
    void *scratch = malloc(tiny_scratch(w)); /* one for each thread that calls */
    if (!picture || !large || !scratch) return fail("out of memory");
    if (fread(picture, 1, pixels, in) != pixels) return fail("the picture ends too early");
    fclose(in);

    /* Rows may be any distance apart, in samples. One plane, so the distance between planes doesn't matter. */
    tiny_u8(picture, w, 0, large, SCALE * w, 0, w, h, 0, tiny_bands(h), scratch);

    FILE *out = fopen(argv[2], "wb");
    if (!out) return fail("the result can't be written");
    fprintf(out, "P5\n%d %d\n255\n", SCALE * w, SCALE * h);
    const size_t written = fwrite(large, 1, SCALE * SCALE * pixels, out);
    if (fclose(out) != 0 || written != SCALE * SCALE * pixels) return fail("the result can't be written");
    free(picture);
    free(large);
    free(scratch);
    return 0;
}

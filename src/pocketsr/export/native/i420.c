/* @NAME@: frames of luma and chroma. Made by pocketsr; do not edit. Compile it with -O3, by gcc or clang. */
#include "@NAME@_i420.h"
#include "@NAME@.h"
#include "@NAME@_chroma.h"

enum { SCALE = @SCALE@, MOST = 1 << 24 }; /* pixels of width or height: C counts in 32 bits */

size_t @NAME@_i420_scratch(int w)
{
    const size_t luma = @NAME@_scratch(w), chroma = @NAME@_chroma_scratch(w / 2);
    return ((luma > chroma ? luma : chroma) + 63) & ~(size_t)63;
}

int @NAME@_i420_valid(const @NAME@_i420_frame *f)
{
    const ptrdiff_t w = f->w, half = f->w / 2;
    if (f->w < 2 || f->h < 2 || f->w > MOST / SCALE || f->h > MOST / SCALE || f->w % 2 || f->h % 2) return 0;
    if (!f->y || !f->u || !f->v || !f->to_y || !f->to_u || !f->to_v) return 0;
    return f->y_stride >= w && f->u_stride >= half && f->v_stride >= half && f->to_y_stride >= SCALE * w
        && f->to_u_stride >= SCALE * half && f->to_v_stride >= SCALE * half;
}

/* Where strip i begins. In 32 bits: those of ARM divide no longer ones. */
static int part(int bands, int i, int strips)
{
    const int more = bands % strips;
    return bands / strips * i + (i < more ? i : more);
}

void @NAME@_i420_strip@AT@(const @NAME@_i420_frame *f, int i, int strips, void *scratch@STRENGTH@)
{
    const int w = f->w / 2, h = f->h / 2, luma = @NAME@_bands(f->h), chroma = @NAME@_chroma_bands(h);
    const int first = part(chroma, i, strips), last = part(chroma, i + 1, strips);
    const int begin = part(luma, i, strips), end = part(luma, i + 1, strips);
    if (begin < end) @NAME@_u8@AT@(f->y, f->y_stride, 0, f->to_y, f->to_y_stride, 0, f->w, f->h, begin, end, scratch@GIVEN@);
    if (first == last) return;
    @NAME@_chroma_u8(f->u, f->u_stride, 0, f->to_u, f->to_u_stride, 0, w, h, first, last, scratch);
    @NAME@_chroma_u8(f->v, f->v_stride, 0, f->to_v, f->to_v_stride, 0, w, h, first, last, scratch);
}

typedef struct {
    const @NAME@_i420_frame *frame;
    int strips;
    size_t step;
    unsigned char *scratch;
@FIELD@} work;

static void run_strip(void *job, int i)
{
    const work *all = job;
    @NAME@_i420_strip@AT@(all->frame, i, all->strips, all->scratch + all->step * (size_t)i@OF_ALL@);
}

int @NAME@_i420@AT@(const @NAME@_i420_frame *frame, int strips, void *scratch, @NAME@_parallel *parallel, void *pool@STRENGTH@)
{
    if (!frame || strips < 1 || !scratch || !@NAME@_i420_valid(frame)) return 0;
    work all = {frame, strips, @NAME@_i420_scratch(frame->w), scratch@PASSED@};
    if (parallel) {
        parallel(pool, strips, run_strip, &all);
    } else {
        for (int i = 0; i < strips; i++) run_strip(&all, i);
    }
    return 1;
}
@DEFAULTS@
/* @NAME@ for Java: strips of planes in direct buffers. Nothing is allocated, no thread is started, and what doesn't lie
   in its buffer is refused before anything is read or written. */
#include <jni.h>
#include <stdint.h>
#include "@NAME@.h"
#include "@NAME@_i420.h"

enum { SCALE = @SCALE@, MOST = 16384 }; /* pixels of width or height */

/* Where `rows` rows of `bytes`, `stride` apart, begin `at` bytes into the buffer; 0 where it doesn't hold them. */
static uint8_t *rows_in(JNIEnv *env, jobject buffer, jint at, jlong bytes, jint stride, jlong rows)
{
    if (!buffer || at < 0 || bytes < 1 || rows < 1 || stride < bytes) return 0;
    uint8_t *start = (*env)->GetDirectBufferAddress(env, buffer);
    const jlong capacity = (*env)->GetDirectBufferCapacity(env, buffer);
    return start && (jlong)stride * (rows - 1) + bytes <= capacity - at ? start + at : 0;
}

static int is_size(jint w, jint h) { return w >= 1 && h >= 1 && w <= MOST && h <= MOST; }
static int is_strip(jint i, jint strips) { return strips >= 1 && i >= 0 && i < strips; }
static size_t scratch_of(jint w) { return @NAME@_i420_scratch(w + w % 2); }

static jlong JNICALL scratch_bytes(JNIEnv *env, jclass own, jint w)
{
    (void)env; (void)own;
    return is_size(w, 1) ? (jlong)scratch_of(w) : 0;
}

static jstring JNICALL variant(JNIEnv *env, jclass own)
{
    (void)own;
    return (*env)->NewStringUTF(env, @NAME@_variant());
}

static jboolean JNICALL luma(JNIEnv *env, jclass own, jobject in, jint in_at, jint in_stride, jobject out, jint out_at,
                             jint out_stride, jint w, jint h, jint i, jint strips, jobject scratch@JNI_GIVEN@)
{
    (void)own;
    if (!is_size(w, h) || !is_strip(i, strips)@JNI_CHECK@) return JNI_FALSE;
    const uint8_t *from = rows_in(env, in, in_at, w, in_stride, h);
    uint8_t *to = rows_in(env, out, out_at, (jlong)SCALE * w, out_stride, (jlong)SCALE * h);
    uint8_t *memory = rows_in(env, scratch, 0, (jlong)scratch_of(w), INT32_MAX, 1);
    if (!from || !to || !memory) return JNI_FALSE;
    const int bands = @NAME@_bands(h), each = bands / strips, more = bands % strips;
    const int first = each * i + (i < more ? i : more), last = first + each + (i < more);
    if (first < last) @NAME@_u8@AT@(from, in_stride, 0, to, out_stride, 0, w, h, first, last, memory@GIVEN@);
    return JNI_TRUE;
}

/* places: where each plane begins and its stride, for y, u and v of the frame and of the result */
static jboolean JNICALL frame(JNIEnv *env, jclass own, jobject y, jobject u, jobject v, jobject to_y, jobject to_u,
                              jobject to_v, jintArray places, jint w, jint h, jint i, jint strips, jobject scratch@JNI_GIVEN@)
{
    (void)own;
    jint at[12];
    if (!is_size(w, h) || w % 2 || h % 2 || !is_strip(i, strips)@JNI_CHECK@) return JNI_FALSE;
    if (!places || (*env)->GetArrayLength(env, places) != 12) return JNI_FALSE;
    (*env)->GetIntArrayRegion(env, places, 0, 12, at);
    const jlong s = SCALE, half = w / 2, rows = h / 2;
    const @NAME@_i420_frame f = {
        .w = w, .h = h,
        .y = rows_in(env, y, at[0], w, at[1], h), .y_stride = at[1],
        .u = rows_in(env, u, at[2], half, at[3], rows), .u_stride = at[3],
        .v = rows_in(env, v, at[4], half, at[5], rows), .v_stride = at[5],
        .to_y = rows_in(env, to_y, at[6], s * w, at[7], s * h), .to_y_stride = at[7],
        .to_u = rows_in(env, to_u, at[8], s * half, at[9], s * rows), .to_u_stride = at[9],
        .to_v = rows_in(env, to_v, at[10], s * half, at[11], s * rows), .to_v_stride = at[11],
    };
    uint8_t *memory = rows_in(env, scratch, 0, (jlong)scratch_of(w), INT32_MAX, 1);
    if (!memory || !@NAME@_i420_valid(&f)) return JNI_FALSE;
    @NAME@_i420_strip@AT@(&f, i, strips, memory@PASSED@);
    return JNI_TRUE;
}

/* A plane whose samples lie `step` bytes apart, as a camera's chroma does, to one whose samples lie side by side. */
static jboolean JNICALL gather(JNIEnv *env, jclass own, jobject in, jint in_at, jint in_stride, jint step, jobject out,
                               jint w, jint h)
{
    (void)own;
    if (!is_size(w, h) || step < 1 || step > 16) return JNI_FALSE;
    const uint8_t *from = rows_in(env, in, in_at, (jlong)step * (w - 1) + 1, in_stride, h);
    uint8_t *to = rows_in(env, out, 0, w, w, h);
    if (!from || !to) return JNI_FALSE;
    for (jint row = 0; row < h; row++)
        for (jint x = 0; x < w; x++) to[(ptrdiff_t)row * w + x] = from[(ptrdiff_t)row * in_stride + (ptrdiff_t)step * x];
    return JNI_TRUE;
}

JNIEXPORT jint JNICALL JNI_OnLoad(JavaVM *vm, void *reserved)
{
#define BUFFER "Ljava/nio/ByteBuffer;"
    static const JNINativeMethod methods[] = {
        {"scratchBytes", "(I)J", (void *)scratch_bytes},
        {"variant", "()Ljava/lang/String;", (void *)variant},
        {"luma", "(" BUFFER "II" BUFFER "IIIIII" BUFFER "@JNI_FLOAT@)Z", (void *)luma},
        {"frame", "(" BUFFER BUFFER BUFFER BUFFER BUFFER BUFFER "[IIIII" BUFFER "@JNI_FLOAT@)Z", (void *)frame},
        {"gather", "(" BUFFER "III" BUFFER "II)Z", (void *)gather},
    };
    JNIEnv *env;
    (void)reserved;
    if ((*vm)->GetEnv(vm, (void **)&env, JNI_VERSION_1_6) != JNI_OK) return JNI_ERR;
    jclass own = (*env)->FindClass(env, "@CLASS@/Native");
    if (!own || (*env)->RegisterNatives(env, own, methods, sizeof methods / sizeof methods[0]) != JNI_OK) return JNI_ERR;
    return JNI_VERSION_1_6;
}

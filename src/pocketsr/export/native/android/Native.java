package @PACKAGE@;

import java.nio.ByteBuffer;

/** What the library holds. Each call checks that everything lies in its buffer, and is false where it doesn't. */
final class Native {
    static {
        System.loadLibrary("@LIBRARY@");
    }

    private Native() {}

    /** Bytes of working memory for a strip of a frame of {@code w} pixels; 0 for a size that isn't supported. */
    static native long scratchBytes(int w);

    static native String variant();

    static native boolean luma(ByteBuffer in, int inAt, int inStride, ByteBuffer out, int outAt, int outStride, int w,
            int h, int strip, int strips, ByteBuffer scratch@STRENGTH@);

    /** places: the beginning and the stride of each of the six planes. */
    static native boolean frame(ByteBuffer y, ByteBuffer u, ByteBuffer v, ByteBuffer toY, ByteBuffer toU, ByteBuffer toV,
            int[] places, int w, int h, int strip, int strips, ByteBuffer scratch@STRENGTH@);

    static native boolean gather(ByteBuffer in, int inAt, int inStride, int step, ByteBuffer out, int w, int h);
}

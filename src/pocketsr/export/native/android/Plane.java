package @PACKAGE@;

import java.nio.ByteBuffer;

/** Samples of 8 bits in a direct buffer, from its position on; as {@code android.media.Image.Plane} has them. */
public final class Plane {
    final ByteBuffer buffer;
    final int at;
    final int rowStride;
    final int pixelStride;

    /** rowStride: bytes from a row to the next one. pixelStride: bytes from a sample to the next one, 1 or 2 as a rule. */
    public Plane(ByteBuffer buffer, int rowStride, int pixelStride) {
        if (buffer == null || !buffer.isDirect()) {
            throw new IllegalArgumentException("a direct ByteBuffer is expected");
        }
        this.buffer = buffer;
        this.at = buffer.position();
        this.rowStride = rowStride;
        this.pixelStride = pixelStride;
    }

    /** A plane without gaps, in memory of its own. */
    public static Plane allocate(int width, int height) {
        return new Plane(ByteBuffer.allocateDirect(Math.multiplyExact(width, height)), width, 1);
    }

    public ByteBuffer buffer() {
        return buffer;
    }

    public int rowStride() {
        return rowStride;
    }
}

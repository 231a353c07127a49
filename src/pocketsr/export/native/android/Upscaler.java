package @PACKAGE@;

import java.nio.ByteBuffer;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executor;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * {@code @MODEL@}: pictures {@code SCALE} times as wide and high, on the CPU.
 *
 * <p>For frames of one size. A frame is cut into strips, which run on the threads of {@code pool} and on the caller's; the
 * result doesn't depend on how many there are. One frame at a time; for several at once make several.
 */
public final class Upscaler {
    public static final int SCALE = @SCALE@;
@JAVA_DEFAULT@
    private final int width;
    private final int height;
    private final Executor pool;
    private final ByteBuffer[] scratch;
    private ByteBuffer[] chroma;

    /** strips: how many threads may work on a frame. pool: may be null for 1 strip. */
    public Upscaler(int width, int height, int strips, Executor pool) {
        long bytes = Native.scratchBytes(width);
        if (bytes <= 0 || bytes > Integer.MAX_VALUE || height < 1 || height > 16384) {
            throw new IllegalArgumentException(width + "x" + height + ": 1 to 16384 pixels a side are expected");
        }
        if (strips < 1 || strips > 64 || (strips > 1 && pool == null)) {
            throw new IllegalArgumentException(strips + " strips: 1 to 64 are expected, and a pool for several");
        }
        this.width = width;
        this.height = height;
        this.pool = pool;
        scratch = new ByteBuffer[strips];
        for (int i = 0; i < strips; i++) {
            scratch[i] = ByteBuffer.allocateDirect((int) bytes);
        }
    }

    /** Which of the library's variants this processor runs, such as {@code dotprod}. */
    public static String variant() {
        return Native.variant();
    }
@JAVA_CALLS@
    /** Luma alone. */
    public synchronized void luma(final Plane in, final Plane out@JAVA_GIVEN@) {
@JAVA_CHECK@        if (in.pixelStride != 1) {
            throw new IllegalArgumentException("luma whose samples lie side by side is expected");
        }
        writable(out);
        run(new Strip() {
            @Override
            public boolean make(int i) {
                return Native.luma(in.buffer, in.at, in.rowStride, out.buffer, out.at, out.rowStride, width, height, i,
                        scratch.length, scratch[i]@PASSED@);
            }
        });
    }

    /** Luma by the network and chroma (half as wide and high) by bicubic. The size has to be even. */
    public synchronized void frame(final Plane y, Plane u, Plane v, final Plane toY, final Plane toU, final Plane toV@JAVA_GIVEN@) {
@JAVA_CHECK@        if (y.pixelStride != 1) {
            throw new IllegalArgumentException("luma whose samples lie side by side is expected");
        }
        writable(toY);
        writable(toU);
        writable(toV);
        final Plane pu = gathered(u, 0);
        final Plane pv = gathered(v, 1);
        final int[] places = {y.at, y.rowStride, pu.at, pu.rowStride, pv.at, pv.rowStride, toY.at, toY.rowStride, toU.at,
            toU.rowStride, toV.at, toV.rowStride};
        run(new Strip() {
            @Override
            public boolean make(int i) {
                return Native.frame(y.buffer, pu.buffer, pv.buffer, toY.buffer, toU.buffer, toV.buffer, places, width,
                        height, i, scratch.length, scratch[i]@PASSED@);
            }
        });
    }

    private static Plane writable(Plane plane) {
        if (plane.buffer.isReadOnly() || plane.pixelStride != 1) {
            throw new IllegalArgumentException("a result goes to a buffer that can be written to, without gaps in its rows");
        }
        return plane;
    }

    private interface Strip {
        boolean make(int i);
    }

    /** The plane itself, or a copy whose samples lie side by side. */
    private Plane gathered(Plane plane, int which) {
        if (plane.pixelStride == 1) {
            return plane;
        }
        int w = width / 2;
        int h = height / 2;
        if (chroma == null) {
            chroma = new ByteBuffer[] {ByteBuffer.allocateDirect(Math.max(w * h, 1)), ByteBuffer.allocateDirect(Math.max(w * h, 1))};
        }
        if (!Native.gather(plane.buffer, plane.at, plane.rowStride, plane.pixelStride, chroma[which], w, h)) {
            throw new IllegalArgumentException("a plane of chroma doesn't lie in its buffer");
        }
        return new Plane(chroma[which], w, 1);
    }

    private void run(final Strip strip) {
        final AtomicBoolean fine = new AtomicBoolean(true);
        final CountDownLatch done = new CountDownLatch(scratch.length - 1);
        int handed = 0;
        RuntimeException refused = null;
        try {
            for (int i = 1; i < scratch.length; i++) {
                final int mine = i;
                pool.execute(new Runnable() {
                    @Override
                    public void run() {
                        boolean made = false;
                        try {
                            made = strip.make(mine);
                        } finally {
                            if (!made) {
                                fine.set(false);
                            }
                            done.countDown();
                        }
                    }
                });
                handed = i;
            }
        } catch (RuntimeException error) { // the pool takes no more
            refused = error;
            for (int i = handed + 1; i < scratch.length; i++) {
                done.countDown();
            }
        }
        try {
            fine.compareAndSet(true, strip.make(0));
        } finally {
            awaitAll(done);
        }
        if (refused != null) {
            throw refused;
        }
        if (!fine.get()) {
            throw new IllegalArgumentException("a plane doesn't lie in its buffer, its rows overlap, or a size is odd");
        }
    }

    /** Strips write to the caller's buffers: an interruption waits for them, and is handed on. */
    private static void awaitAll(CountDownLatch done) {
        boolean interrupted = false;
        while (true) {
            try {
                done.await();
                break;
            } catch (InterruptedException error) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }
}

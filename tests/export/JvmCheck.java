import java.io.DataInputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;

import pocketsr.PACKAGE.Plane;
import pocketsr.PACKAGE.Upscaler;

/** A frame in I420 from standard input: luma alone, then a frame whose chroma is interleaved as a camera's; and refusals. */
public final class JvmCheck {
    private static int refused;

    private interface Call {
        void run();
    }

    private static void refuses(Call call) {
        try {
            call.run();
        } catch (IllegalArgumentException expected) {
            refused++;
            return;
        }
        throw new AssertionError("not refused");
    }

    private static void write(Plane plane, int width, int height) {
        byte[] row = new byte[width];
        ByteBuffer at = plane.buffer().duplicate();
        for (int y = 0; y < height; y++) {
            at.position(y * plane.rowStride());
            at.get(row);
            System.out.write(row, 0, width);
        }
    }

    public static void main(String[] words) throws IOException {
        try {
            check(words);
        } catch (Throwable error) { // threads of a pool would keep the program
            error.printStackTrace();
            System.exit(1);
        }
    }

    private static void check(String[] words) throws IOException {
        final int w = Integer.parseInt(words[0]);
        final int h = Integer.parseInt(words[1]);
        final int s = Upscaler.SCALE;
        DataInputStream in = new DataInputStream(System.in);
        byte[] luma = new byte[w * h];
        byte[] u = new byte[w * h / 4];
        byte[] v = new byte[w * h / 4];
        in.readFully(luma);
        in.readFully(u);
        in.readFully(v);
        // Behind a position that isn't 0, rows that lie apart, and u and v of each pixel side by side
        ByteBuffer lumaBuffer = ByteBuffer.allocateDirect(7 + h * (w + 3));
        for (int y = 0; y < h; y++) {
            lumaBuffer.position(7 + y * (w + 3));
            lumaBuffer.put(luma, y * w, w);
        }
        lumaBuffer.position(7);
        final Plane y = new Plane(lumaBuffer, w + 3, 1);
        final ByteBuffer both = ByteBuffer.allocateDirect(w * h / 2);
        for (int i = 0; i < u.length; i++) {
            both.put(2 * i, u[i]);
            both.put(2 * i + 1, v[i]);
        }
        Plane cu = new Plane(both, w, 2);
        both.position(1);
        Plane cv = new Plane(both, w, 2);
        ExecutorService pool = Executors.newFixedThreadPool(2);
        final Upscaler upscaler = new Upscaler(w, h, 3, pool);
        final Plane alone = Plane.allocate(s * w, s * h);
        upscaler.luma(y, alone);
        write(alone, s * w, s * h);
        final Plane toY = Plane.allocate(s * w, s * h);
        final Plane toU = Plane.allocate(s * w / 2, s * h / 2);
        final Plane toV = Plane.allocate(s * w / 2, s * h / 2);
        upscaler.frame(y, cu, cv, toY, toU, toV);
        write(toY, s * w, s * h);
        write(toU, s * w / 2, s * h / 2);
        write(toV, s * w / 2, s * h / 2);
        System.out.flush();

        final Plane small = Plane.allocate(w, h);
        refuses(() -> upscaler.luma(y, small));
        refuses(() -> upscaler.luma(new Plane(ByteBuffer.allocateDirect(w * h), w - 1, 1), alone));
        refuses(() -> upscaler.luma(new Plane(ByteBuffer.allocateDirect(w * h), Integer.MAX_VALUE, 1), alone));
        refuses(() -> upscaler.luma(new Plane(ByteBuffer.allocateDirect(w * h), -w, 1), alone));
        refuses(() -> upscaler.luma(new Plane(ByteBuffer.allocateDirect(w * h - 1), w, 1), alone));
        refuses(() -> upscaler.luma(new Plane(ByteBuffer.allocateDirect(2 * w * h), w, 2), alone));
        refuses(() -> upscaler.luma(y, new Plane(alone.buffer().asReadOnlyBuffer(), s * w, 1)));
        refuses(() -> upscaler.frame(y, small, new Plane(both, w, 0), toY, toU, toV));
        refuses(() -> new Plane(ByteBuffer.allocate(w * h), w, 1));
        refuses(() -> new Plane(null, w, 1));
        refuses(() -> new Upscaler(0, h, 1, null));
        refuses(() -> new Upscaler(w, 1 << 20, 1, null));
        refuses(() -> new Upscaler(Integer.MAX_VALUE, h, 1, null));
        refuses(() -> new Upscaler(w, h, 2, null));
        refuses(() -> new Upscaler(w + 1, h, 1, null).frame(y, small, small, toY, toU, toV));
        pool.shutdown();
        boolean told = false;
        try {
            upscaler.luma(y, alone);
        } catch (RejectedExecutionException expected) {
            told = true;
        }
        if (!told) {
            throw new AssertionError("a pool that is shut down took strips");
        }
        System.err.print(Upscaler.variant() + " " + refused);
    }
}

import java.io.DataInputStream;
import java.io.IOException;

import pocketsr.told.Plane;
import pocketsr.told.Upscaler;

/** A frame in I420 from standard input: its luma at three strengths and at the default one, then whole at one; refusals. */
public final class JvmStrength {
    private static Plane read(DataInputStream in, int width, int height) throws IOException {
        byte[] samples = new byte[width * height];
        in.readFully(samples);
        Plane plane = Plane.allocate(width, height);
        plane.buffer().duplicate().put(samples);
        return plane;
    }

    private static void write(Plane plane, int width, int height) {
        byte[] samples = new byte[width * height];
        plane.buffer().duplicate().get(samples);
        System.out.write(samples, 0, samples.length);
    }

    public static void main(String[] words) throws IOException {
        int w = Integer.parseInt(words[0]);
        int h = Integer.parseInt(words[1]);
        int s = Upscaler.SCALE;
        DataInputStream in = new DataInputStream(System.in);
        Plane y = read(in, w, h);
        Plane u = read(in, w / 2, h / 2);
        Plane v = read(in, w / 2, h / 2);
        Plane toY = Plane.allocate(s * w, s * h);
        Plane toU = Plane.allocate(s * w / 2, s * h / 2);
        Plane toV = Plane.allocate(s * w / 2, s * h / 2);
        Upscaler upscaler = new Upscaler(w, h, 1, null);
        for (float strength : new float[] {0, 0.3f, 1}) {
            upscaler.luma(y, toY, strength);
            write(toY, s * w, s * h);
        }
        upscaler.luma(y, toY);
        write(toY, s * w, s * h);
        upscaler.frame(y, u, v, toY, toU, toV, 0.3f);
        write(toY, s * w, s * h);
        upscaler.frame(y, u, v, toY, toU, toV);
        write(toY, s * w, s * h);
        System.out.flush();
        int refused = 0;
        for (float strength : new float[] {-0.1f, 1.5f, Float.NaN}) {
            try {
                upscaler.luma(y, toY, strength);
            } catch (IllegalArgumentException expected) {
                refused++;
            }
            try {
                upscaler.frame(y, u, v, toY, toU, toV, strength);
            } catch (IllegalArgumentException expected) {
                refused++;
            }
        }
        System.err.print(Upscaler.DEFAULT_STRENGTH + " " + refused);
    }
}

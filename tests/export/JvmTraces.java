import java.util.Scanner;

import pocketsr.PACKAGE.Governor;

/** Traces as numbers: costs, how many frames, and for each what is known, when it ends and whether it failed. */
public final class JvmTraces {
    public static void main(String[] words) {
        Scanner in = new Scanner(System.in);
        StringBuilder out = new StringBuilder();
        while (in.hasNextLong()) {
            long[] costs = new long[Governor.Level.values().length];
            for (int i = 0; i < costs.length; i++) {
                costs[i] = in.nextLong();
            }
            Governor governor = new Governor(costs);
            long frames = in.nextLong();
            for (long i = 0; i < frames; i++) {
                Governor.Situation s = new Governor.Situation();
                s.nowUs = in.nextLong();
                s.deadlineUs = in.nextLong();
                s.budgetUs = in.nextLong();
                s.width = in.nextLong();
                s.height = in.nextLong();
                s.queue = in.nextLong();
                s.streams = in.nextLong();
                s.pressure = in.nextLong();
                s.power = in.nextLong();
                s.still = in.nextLong();
                long after = in.nextLong();
                boolean fault = in.nextLong() != 0;
                Governor.Decision made = governor.begin(s);
                governor.end(s.nowUs + after, fault);
                out.append(made.level.name().toLowerCase()).append('|').append(made.reason.text).append('|');
                out.append(governor.slow()).append('\n');
            }
        }
        System.out.print(out);
    }
}

package @PACKAGE@;

import java.util.Arrays;

/**
 * Which network of a ladder makes the next frame, or none, and why: pocketsr's live/governor.py in Java, decision by
 * decision. It has no clock and no threads; times come in as microseconds, and all quotients are of integers that aren't
 * negative.
 *
 * <p>{@link #begin} before each frame, {@link #end} when it is done.
 */
public final class Governor {
    /** The ladder. The larger, the better the picture. */
    public enum Level { @LEVELS@ }

    /** Why no better level makes this frame. */
    public enum Reason {
        @REASONS@;

        public final String text;

        Reason(String text) {
            this.text = text;
        }
    }

    /** What is known when a frame is about to be made; what makes no sense is set right. */
    public static final class Situation {
        /** of a clock that needn't be right, in microseconds */
        public long nowUs;
        /** when the result is wanted, by the same clock; 0 or less: budgetUs from now */
        public long deadlineUs;
        /** from one frame to the next; 0 or less: 30 frames a second */
        public long budgetUs;
        public long width;
        public long height;
        /** older frames that were dropped for this one */
        public long queue;
        /** how many share this machine, this one counted */
        public long streams = 1;
        /** 0 nominal, 1 fair, 2 serious: no climbing, 3 critical: no network */
        public long pressure;
        /** 0 mains, 1 battery: no network above tiny, 2 low: none at all */
        public long power;
        /** 1 where the picture is the last one again */
        public long still;
    }

    public static final class Decision {
        public final Level level;
        public final Reason reason;

        Decision(Level level, Reason reason) {
            this.level = level;
            this.reason = reason;
        }
    }

    static final long
@CONSTANTS@;
    private static final long LIMIT = (1L << 53) - 1;
    private static final long IDLE = 1_000; // the slowness of a machine that is as it was when the costs were measured
    private static final Level[] LEVELS = Level.values();
    private static final long SERIOUS = 2;

    private final long[] costs = new long[LEVELS.length];
    private final int[] faults = new int[LEVELS.length];
    private final long[] closed = new long[LEVELS.length]; // until when a level that failed isn't tried
    private int level;
    private long slow = IDLE;
    private long clock;
    private boolean started;
    private long now;
    private long warm = WARM_UP_FRAMES;
    private long settle = SETTLE_FRAMES;
    private long changed;
    private long raised = -STEADY_US;
    private long wait = WAIT_US;
    private boolean calming;
    private long calm; // since when there is time for a better level
    private int goal;
    private long strike = -HOLD_US - 1;
    private boolean late;
    private long ratioBefore = IDLE;
    private long ratio = IDLE;
    private boolean framed;
    private long begun;
    private long deadline;
    private long most;
    private long predicted;

    /** usPerMpx: microseconds for a million pixels of input, of each level in their order; 0: it isn't there. */
    public Governor(long[] usPerMpx) {
        if (usPerMpx.length != LEVELS.length) {
            throw new IllegalArgumentException(usPerMpx.length + " costs: " + LEVELS.length + " are expected");
        }
        for (int i = 0; i < costs.length; i++) {
            costs[i] = clamp(usPerMpx[i], 0, MOST_US_PER_MPX);
        }
        long least = MOST_US_PER_MPX + 1;
        for (int i = LEVELS.length - 1; i > Level.BICUBIC.ordinal(); i--) {
            costs[i] = costs[i] < least ? costs[i] : 0; // one that takes as long as a better one is as if it weren't there
            least = costs[i] == 0 ? least : costs[i];
        }
    }

    public Level level() {
        return LEVELS[level];
    }

    /** How many thousandths of an idle machine's time frames take now. */
    public long slow() {
        return slow;
    }

    /** What makes the next frame. */
    public Decision begin(Situation situation) {
        advance(whole(situation.nowUs));
        framed = false;
        CheckedSituation s = new CheckedSituation(situation);
        int before = level;
        int fit = fit(s, s.cap);
        if (warm >= 0) {
            warm--;
            level = warm >= 0 ? fit(s, Math.min(s.cap, Level.BICUBIC.ordinal())) : fit;
            if (warm < 0) {
                change(fit);
            }
        } else {
            govern(s, fit);
        }
        late = false;
        if (s.still && warm < 0 && level == before) {
            return new Decision(LEVELS[level], Reason.STATIC);
        }
        framed = true;
        begun = whole(situation.nowUs);
        deadline = s.deadline;
        most = s.budget * LEAVE_PERMILLE / (1_000 * s.streams);
        predicted = predicted(level, s);
        return new Decision(LEVELS[level], warm >= 0 ? Reason.WARM_UP : reason(s));
    }

    /** The frame is done, or failed. Nothing is learnt from frames that this isn't called for. */
    public void end(long givenUs, boolean fault) {
        long nowUs = whole(givenUs);
        advance(nowUs);
        if (!framed) {
            return;
        }
        framed = false;
        if (fault) {
            close(level);
        } else if (settle > 0) {
            settle--;
        } else if (nowUs >= begun) {
            long took = Math.min(nowUs - begun, MOST_US);
            late = nowUs > deadline && took > most;
            learn(took);
        }
    }

    private void advance(long nowUs) {
        if (started) {
            clock += clamp(nowUs - now, 0, STEP_US);
        }
        started = true;
        now = nowUs;
    }

    private void learn(long took) {
        long found = IDLE;
        if (predicted > 0) {
            found = clamp((took + SLACK_US) * 1_000 / (predicted + SLACK_US), LEAST_SLOW_PERMILLE, MOST_SLOW_PERMILLE);
        }
        ratioBefore = ratio;
        ratio = found;
        slow = (7 * slow + Math.min(found, 2 * slow) + 4) / 8;
    }

    private void close(int which) {
        if (which == 0) {
            return;
        }
        closed[which] = clock + Math.min(FAULT_US << Math.min(faults[which], 8), LONGEST_FAULT_US);
        faults[which]++;
    }

    private void govern(CheckedSituation s, int fitting) {
        int fit = fitting;
        boolean struck = struck(s);
        if (struck) {
            slow = Math.max(slow, Math.min(ratioBefore, ratio));
            fit = fit(s, Math.min(s.cap, Math.max(level - 1, 0)));
        }
        boolean tooMuch = load(level, s, slow, s.streams) > LEAVE_PERMILLE;
        if (level != 0 && (struck || tooMuch || level > s.cap || isClosed(level))) {
            wait = clock - raised < STEADY_US ? Math.min(2 * wait, LONGEST_WAIT_US) : WAIT_US;
            change(fit);
        } else if (fit <= level || s.pressure >= SERIOUS) {
            calming = false;
        } else {
            if (!calming) {
                calming = true;
                calm = clock;
                goal = fit;
            }
            goal = Math.min(goal, fit);
            if (clock - calm >= wait && clock - changed >= HOLD_US) {
                raised = clock;
                change(goal);
            }
        }
    }

    /** Whether a second frame is late, or was dropped, within the time of a hold. */
    private boolean struck(CheckedSituation s) {
        if (settle > 0 || !(late || s.queue > 0)) {
            return false;
        }
        long before = strike;
        strike = clock;
        return clock - before <= HOLD_US;
    }

    private void change(int to) {
        level = to;
        changed = clock;
        calming = false;
        settle = SETTLE_FRAMES;
        strike = -HOLD_US - 1;
    }

    private long predicted(int which, CheckedSituation s) {
        return Math.min(costs[which] * s.pixels / 1_000_000, MOST_US);
    }

    /** Thousandths of the budget. */
    private long load(int which, CheckedSituation s, long slowness, long streams) {
        return predicted(which, s) * slowness * streams / s.budget;
    }

    private boolean isClosed(int which) {
        return clock < closed[which];
    }

    /** The best level that may be entered. */
    private int fit(CheckedSituation s, int cap) {
        for (int each = Math.min(cap, LEVELS.length - 1); each > 0; each--) {
            if (costs[each] > 0 && !isClosed(each) && load(each, s, slow, s.streams) <= ENTER_PERMILLE) {
                return each;
            }
        }
        return 0;
    }

    private Reason reason(CheckedSituation s) {
        int better = level + 1;
        while (better < LEVELS.length && costs[better] == 0) {
            better++;
        }
        if (better >= LEVELS.length) {
            return Reason.NONE;
        }
        if (better > s.cap) {
            return s.why;
        }
        if (isClosed(better)) {
            return Reason.FAULT;
        }
        return load(better, s, Math.min(slow, IDLE), 1) > ENTER_PERMILLE ? Reason.SIZE_TOO_LARGE : Reason.OVER_BUDGET;
    }

    static long clamp(long value, long least, long most) {
        return Math.max(least, Math.min(value, most));
    }

    static long whole(long value) {
        return clamp(value, -LIMIT, LIMIT);
    }

    @Override
    public String toString() {
        return "Governor(" + Arrays.toString(costs) + ", " + LEVELS[level] + ")";
    }
}

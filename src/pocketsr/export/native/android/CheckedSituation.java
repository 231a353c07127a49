package @PACKAGE@;

/** A situation whose numbers are in range. */
final class CheckedSituation {
    private static final long CRITICAL = 3;
    private static final long BATTERY = 1;
    private static final long LOW = 2;

    final long deadline;
    final long budget;
    final long pixels;
    final long queue;
    final long streams;
    final long pressure;
    final boolean still;
    int cap;
    Governor.Reason why;

    CheckedSituation(Governor.Situation s) {
        budget = s.budgetUs > 0
            ? Governor.clamp(s.budgetUs, Governor.SHORTEST_BUDGET_US, Governor.LONGEST_BUDGET_US)
            : Governor.BUDGET_US;
        deadline = s.deadlineUs > 0 ? Governor.whole(s.deadlineUs) : Governor.whole(s.nowUs) + budget;
        pixels = Governor.clamp(s.width, 0, Governor.MOST_SIDE) * Governor.clamp(s.height, 0, Governor.MOST_SIDE);
        queue = Math.max(s.queue, 0);
        streams = Governor.clamp(s.streams, 1, Governor.MOST_STREAMS);
        pressure = Governor.clamp(s.pressure, 0, CRITICAL);
        still = s.still > 0;
        limit(s);
    }

    /** The best level that anything but time allows, and the reason for none better. */
    private void limit(Governor.Situation s) {
        long shorter = Math.min(s.width, s.height);
        long longer = Math.max(s.width, s.height);
        if (shorter < 1) {
            set(Governor.Level.PASS_THROUGH, Governor.Reason.SIZE_TOO_SMALL);
        } else if (longer > Governor.MOST_SIDE || s.width * s.height > Governor.MOST_PIXELS) {
            set(Governor.Level.PASS_THROUGH, Governor.Reason.SIZE_TOO_LARGE);
        } else if (s.power >= LOW) {
            set(Governor.Level.PASS_THROUGH, Governor.Reason.BATTERY);
        } else if (shorter < Governor.LEAST_SIDE) {
            set(Governor.Level.BICUBIC, Governor.Reason.SIZE_TOO_SMALL);
        } else if (pressure == CRITICAL) {
            set(Governor.Level.BICUBIC, Governor.Reason.OVER_BUDGET);
        } else if (s.power == BATTERY) {
            set(Governor.Level.TINY, Governor.Reason.BATTERY);
        } else {
            set(Governor.Level.QUALITY, Governor.Reason.NONE);
        }
    }

    private void set(Governor.Level most, Governor.Reason reason) {
        cap = most.ordinal();
        why = reason;
    }
}

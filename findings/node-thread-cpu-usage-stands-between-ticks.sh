#!/bin/bash
# Node on Linux: process.threadCpuUsage() stands still between the kernel's timer ticks; process.cpuUsage() does not.
#
# A good guess: both count in microseconds, as documented, and the newer one (Node 23.9) is the better clock for one
# thread's work, such as a frame of a WebAssembly module: other threads, V8's compilers among them, don't count.
# What happens: libuv asks getrusage(RUSAGE_THREAD). Linux brings a running thread's account up to date at timer ticks
# (4 ms at 250 Hz) and when it stops, not for this question; for RUSAGE_SELF it does, of the thread that asks. So a frame of
# 12 ms reads 8, 12 or 16, and a median of many frames is a multiple of the tick. Asking process.cpuUsage() just before
# makes process.threadCpuUsage() exact. (clock_gettime with CLOCK_THREAD_CPUTIME_ID is exact; Node has no way to it.)
# Why it matters: ratios of frame times between runtimes were off by up to a third, stably, in a benchmark that looked careful.
#
# Versions: Node 26.10.0 (npm node@26.10.0), Linux 6.18 with 250 Hz and tick-based accounting, which is the usual configuration. 2026-11-29.
# Source: pocketsr issue 23.
set -e
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
cd "$here"
npm install --silent --no-audit --no-fund --prefix "$here" node@26.10.0 > log 2>&1 || { cat log; exit 2; }
cat > clock.mjs <<'END'
const work = () => {
  let sum = 0;
  for (let i = 0; i < 2e5; i++) sum += Math.sqrt(i);
  return sum;
};
/** How many different times the clock says between 400 pieces of work of less than a millisecond each. */
const times = (clock) => {
  const seen = new Set();
  for (let i = 0; i < 400; i++) {
    work();
    const { user, system } = clock();
    seen.add(user + system);
  }
  return seen.size;
};
for (let i = 0; i < 100; i++) work();
const thread = times(() => process.threadCpuUsage());
const whole = times(() => process.cpuUsage());
const both = times(() => (process.cpuUsage(), process.threadCpuUsage()));
console.log(process.version);
console.log(`of 400 readings differ: threadCpuUsage ${thread}, cpuUsage ${whole}, threadCpuUsage just after cpuUsage ${both}`);
process.exit(thread < 200 && whole > 390 && both > 390 ? 0 : 1);
END
node_modules/node/bin/node clock.mjs

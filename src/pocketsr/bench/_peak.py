"""The machine's float32 multiply-add peak: what no direct convolution can pass."""

from __future__ import annotations

import ctypes
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from pocketsr.engine.codegen.target import host_target
from pocketsr.engine.runtime.build import build_library

__all__ = ["FmaPeak"]

# 4 to 5 cycles of latency on 2 ports (4 on large ARM cores) need 10 (20) independent chains; the registers
# allow 12 where there are 16 of them and 24 where there are 32. GNU vectors let one source reach every
# machine.
_SOURCE = """
#if defined(__AVX512F__)
enum { LANES = 16, CHAINS = 24 };
#elif defined(__AVX__)
enum { LANES = 8, CHAINS = 12 };
#elif defined(__aarch64__)
enum { LANES = 4, CHAINS = 24 };
#else
enum { LANES = 4, CHAINS = 12 };
#endif
typedef float vec __attribute__((vector_size(4 * LANES)));

long pocketsr_fma_macs(void) { return LANES * CHAINS; }

float pocketsr_fma(long times, float factor, float term) {
  const vec a = (vec){0} + factor, b = (vec){0} + term;
  vec c[CHAINS];
  for (int i = 0; i < CHAINS; i++) c[i] = a * (float)i;
  for (long n = 0; n < times; n++) {
#pragma clang loop unroll(full)
    for (int i = 0; i < CHAINS; i++) c[i] = c[i] * a + b;
  }
  vec sum = c[0];
  for (int i = 1; i < CHAINS; i++) sum += c[i];
  float result = 0;
  for (int i = 0; i < LANES; i++) result += sum[i];
  return result;
}
"""
_BURST_SECONDS = 0.03


class FmaPeak:
    """Multiply-adds a second on `threads` threads: chains of FMAs in registers, on the widest vectors."""

    def __init__(self, threads: int) -> None:
        self._threads = threads
        self._pool = ThreadPoolExecutor(threads)
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:  # Windows keeps a loaded library
            build_library(_SOURCE, path := Path(folder, "peak.so"), host_target())
            self._library = ctypes.CDLL(str(path))
        self._library.pocketsr_fma.argtypes = [ctypes.c_long, ctypes.c_float, ctypes.c_float]
        self._library.pocketsr_fma.restype = ctypes.c_float
        self._library.pocketsr_fma_macs.restype = ctypes.c_long
        self._macs: int = self._library.pocketsr_fma_macs()
        self._times = 100_000
        self._times = max(1, int(self._times * _BURST_SECONDS / self._seconds()))

    def _seconds(self) -> float:
        start = time.perf_counter()
        run = self._library.pocketsr_fma
        jobs = [self._pool.submit(run, self._times, 0.999, 0.001) for _ in range(self._threads)]
        for job in jobs:
            job.result()
        return time.perf_counter() - start

    def gmacs(self) -> float:
        """10^9 multiply-adds a second of all threads (a lane of an FMA is one), in a burst of 30 ms."""
        return self._threads * self._times * self._macs / self._seconds() / 1e9

#!/bin/bash
# The package `bjontegaard` gives a BD-rate for curves that share a tenth of their quality, or that go up and down.
#
# A good guess: a BD-rate is a mean over the quality that both codecs reach, of curves that rise; where there is hardly
# any such quality, or a rate more gives less, a package refuses or gives NaN.
# What happens: for an overlap of a tenth there is a number and a Python warning (`min_overlap` decides when it warns, not
# whether it computes), which many programs never show. For points out of order "cubic" gives a number without a word,
# where "pchip" and "akima" raise ValueError.
# Why it matters: low-delay encoders miss asked rates, so curves of few points overlap little and do turn; a table of
# BD-rates made without looking at warnings then holds numbers that mean nothing. Check overlap and order first.
#
# Versions: bjontegaard 1.3.0. 2026-11-29. Source: measured while building `pocketsr bench codec`, pocketsr issue 26.
set -e
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
cd "$here"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check bjontegaard==1.3.0
cat > show.py <<'END'
import sys
import warnings
from importlib.metadata import version

import bjontegaard

print("bjontegaard", version("bjontegaard"))
rates = [100, 200, 400, 800]
low, high = [30.0, 32.0, 34.0, 36.0], [35.4, 37.0, 39.0, 41.4]  # they share 0.6 of 11.4 dB
with warnings.catch_warnings(record=True) as said:
    warnings.simplefilter("always")
    barely = bjontegaard.bd_rate(rates, low, rates, high, method="pchip")
print(f"sharing a twentieth: {barely:.1f} %, warnings: {len(said)}")

turning = [30.0, 33.0, 32.0, 36.0]
found = {}
for method in ("cubic", "pchip", "akima"):
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        try:
            found[method] = bjontegaard.bd_rate(rates, low, rates, turning, method=method), len(said)
        except ValueError as error:
            found[method] = "ValueError"
    print("a curve that turns,", method, found[method])
as_told = barely == barely and found["cubic"][1] == 0 and found["pchip"] == found["akima"] == "ValueError"
sys.exit(0 if as_told else 1)
END
venv/bin/python show.py

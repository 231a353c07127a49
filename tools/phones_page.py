"""docs/notes/phones.md and docs/phones.png, of what `record_phones.py` found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pocketsr.atomic_io import replacing
from pocketsr.live import Level

__all__ = ["CLASSES", "UNKNOWN", "USES", "draw", "page"]

ROOT = Path(__file__).parents[1]
UNKNOWN = "not predicted"  # a core without a model: all are of 32 bits
CLASSES = (*(level.name.lower() for level in Level), UNKNOWN)
USES = {
    "half_big_core": "half of the biggest core",
    "little_cluster": "all cores of the smallest cluster",
    "big_cluster": "all cores of the biggest cluster",
}


def draw(rows: Sequence[Mapping[str, Any]]) -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    years = sorted({row["year"] for row in rows})
    shown = [name for name in CLASSES if any(row[use]["level"] == name for row in rows for use in USES)]
    blues = ("#deebf7", "#9ecae1", "#4292c6", "#2171b5", "#08306b")
    colours = dict(zip(CLASSES, ("#e3e3e3", "#b5b5b5", *blues, "#f4cccc"), strict=True))
    figure, panels = plt.subplots(1, len(USES), figsize=(14, 4.4), sharey=True)
    for axes, (use, title) in zip(panels, USES.items(), strict=True):
        below = [0.0] * len(years)
        for name in shown:
            own = [[row for row in rows if row["year"] == year] for year in years]
            part = [100 * sum(row[use]["level"] == name for row in each) / len(each) for each in own]
            label = name.replace("_", " ")
            axes.bar(range(len(years)), part, bottom=below, color=colours[name], label=label, width=0.85)
            below = [a + b for a, b in zip(below, part, strict=True)]
        counts = [sum(row["year"] == year for row in rows) for year in years]
        ticks = [f"{year}\n{count}" for year, count in zip(years, counts, strict=True)]
        axes.set_xticks(range(len(years)), ticks, fontsize=8)
        axes.set_title(title, fontsize=10)
        axes.set_xlabel("year, and how many chips the table has of it")
        axes.set_ylim(0, 100)
    panels[0].set_ylabel("% of the chips")
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="lower center", ncols=len(shown), frameon=False)
    title = "The network that the governor would take, 640x360 at 30 frames a second: predicted, none measured"
    figure.suptitle(title, fontsize=11)
    figure.tight_layout(rect=(0, 0.06, 1, 1))
    with replacing(ROOT / "docs" / "phones.png") as part_file:
        figure.savefig(part_file, format="png", dpi=110)


def page(found: Mapping[str, Any], check: Mapping[str, Any]) -> str:
    """The page, in Markdown."""
    names = [name for name in CLASSES if any(found["shares"][use][name] for use in USES)]
    heads = [name.replace("_", " ") for name in names]
    shares_of = []
    for use, title in USES.items():
        for key, more in (
            ("shares", ""), ("shares_if_longer", f", if all takes {found['longer']:g} times as long"),
        ):  # fmt: skip
            cells = [f"{100 * found[key][use][name]:.0f} %" for name in names]
            shares_of.append(_line([title + more, *cells]))
    chips = []
    for row in sorted(found["rows"], key=lambda row: (-row["year"], row["name"])):
        cells = [row["name"], str(row["year"]), row["cores"]]
        for use in USES:
            ms = row[use]["ms"].get("tiny")
            level = row[use]["level"].replace("_", " ")
            cells.append(level if ms is None else f"{level} ({ms:.1f})")
        chips.append(_line(cells))
    return _PAGE.format(
        phones=found["phones"],
        longer=f"{found['longer']:g}",
        head=_line(["share of the chips", *heads]) + "\n| --- |" + " ---: |" * len(names),
        shares="\n".join(shares_of),
        cpu=check["machine"]["cpu"],
        rounds=check["rounds"],
        checked="; ".join(
            f"`{row['network']}` {row['predicted_ms']:.1f} ms predicted, {row['measured_ms']:.1f} measured"
            for row in check["rows"]
        ),
        least=round(100 * min(row["ratio"] for row in check["rows"])),
        most=round(100 * max(row["ratio"] for row in check["rows"])),
        sources="; ".join(f"{vendor}: {source}" for vendor, source in found["sources"].items()),
        whole=found["checked"]["all"],
        biggest=found["checked"]["biggest"],
        rest=found["phones"] - sum(found["checked"].values()),
        checks="\n".join(f"- {key}: {source}." for key, source in found["checked_by"].items()),
        chips="\n".join(chips),
    )


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


_PAGE = """\
# Phones, predicted

Made by `python tools/record_phones.py`. **Nothing on this page was measured on a phone**, and power can't be measured
here at all: a level that is on time may still be too hot or too costly for a battery, which the governor only learns
from what the system reports (`pressure`, `power`).

For each of {phones} systems on a chip, 2014 to 2026, the governor runs 20 simulated seconds of 640x360 at 30 frames
a second, and the network that makes most frames of the last ten is noted: on half of the biggest core, on all cores
of the smallest cluster, and on all of the biggest one. Luma and chroma are counted, decoding isn't.

![Share of chips by year for which each network is on time](../phones.png)

{head}
{shares}

These are chips, not phones in people's hands: each counts once, however many were sold. `not predicted` are cores of
32 bits.

## How

Milliseconds are the [work of the engine's schedule](../how-to/design.md) times nanoseconds for each kind of work. For
a core that nobody here has, these come from instructions: the engine's C is compiled for it, and llvm-mca simulates
the inner loops with LLVM's model of that core (`tools/record_arm.py`; `src/pocketsr/design/arm-cores.json` says which
model stands for each core, and what was assumed). What can't be simulated is taken from the profile that ships, in
proportion. How long a core waits for memory is a guess.

**How far off?** The same for the processor of the machine that this was made on ({cpu}),
one thread, where it can be measured (the quickest of {rounds} runs, while other programs ran beside):
{checked}.
So predictions are {least} to {most} % of the measured time, and a second line of the table says what remains if all
takes {longer} times as long, the worst of these. No core of a phone was checked: LLVM's models differ in quality (that
of the A53 makes the inner loops of floats three times as slow as its units would allow), and clocks fall with heat.

## What these cores want

By llvm-mca, cycles for one turn of an inner loop (channels x vectors of four pixels), with a weight at a time and as
the engine writes them now: four weights loaded at once and taken by lane; dot products in a fixed order, the next row
loaded where this one was used for the last time; and, where a core has i8mm, products of matrices (for one row: a turn
takes two).

| loop | Cortex-A55 | Cortex-A76 | Cortex-A510 | Cortex-A710 | Cortex-X3 | Apple M2 |
| --- | ---: | ---: | ---: | ---: | ---: | ---: |
| floats, 6 x 4 | 43.0 to 24.0 | 18.1 to 15.1 | 29.0 to 20.0 | | | |
| floats, 6 x 2 | 26.0 to 17.0 | 14.1 to 9.1 | 17.0 to 12.0 | | | |
| floats, 4 x 2 | 24.0 to 15.0 | 11.1 to 6.1 | 15.0 to 10.0 | | | |
| dot products, 8 x 3 | 53.0 to 45.0 | 42.2 to 15.1 | | | | |
| dot products, 12 x 2 | 54.0 to 43.0 | 25.1 to 16.1 | | | | |
| 8 x 3, dot products to matrices | | | 29.0 to 19.0 | 13.6 to 7.8 | 6.9 to 5.1 | 9.1 to 5.1 |

`usmmla` multiplies two pixels by two channels, eight bytes deep: two rows of words are zipped as they are loaded, and
sums are parted once at the end. LLVM's model of the A55 lets loads and short instructions wait for longer ones before
them; how much of that is so on the core, nobody here can tell. It also takes two products of four floats a cycle there,
which may be one.

`phone` (`recipes/phone.yaml`) is a network for small cores with `sdot`: 8, 8 and 4 channels, 972 parameters in 8 bits,
the largest shape within 15 ms for 640x360 on two A55s at 1.8 GHz. By prediction, luma alone, in ms:

| cores | `phone` | `tiny` | `small-w8a8` | `small` |
| --- | ---: | ---: | ---: | ---: |
| 2x Cortex-A55 at 1.8 GHz | 15.0 | 28.8 | 66.7 | 82.7 |
| 1x Cortex-A76 at 2.2 GHz | 10.6 | 27.6 | 41.8 | 80.9 |
| 4x Cortex-A510 at 1.8 GHz | 5.3 | 12.3 | 20.7 | 34.9 |
| 4x Cortex-A53 at 1.8 GHz, without `sdot` | 24.3 | 26.8 | 136.1 | 78.3 |

It reads 36.30 / 32.22 / 31.07 / 28.89 dB on the four sets: `tiny` 36.56 / 32.36 / 31.21 / 29.16, `small-w8a8` 37.20 /
32.80 / 31.54 / 29.91, bicubic interpolation 33.66 / 30.23 / 29.56 / 26.87. So it is worth having where dot products
of bytes are quick and `tiny` is too slow: half `tiny`'s time for 0.14 to 0.27 dB less; on older cores it gains
little. The governor has it as the level between bicubic and `tiny`, on machines where it takes less time than `tiny`:
without it the shares that the table gives it would be bicubic's. Rounding to 8 bits moved some
flat areas by a level; `tools/settle_flats.py` took that from its last biases, and since then flat areas stay exactly.
Another shape, 4, 8, 8 and 4 channels (1,232 parameters), would take 17.8 ms and gain 0.1 dB in validation. Channels
come in fours, as words do. 1x1 layers at the end and 5x5 ones at the beginning gave fewer parameters for the time.

For another core, or for networks that fit: `pocketsr design --device cortex-a55@1.8x2 --budget-ms 15`; `--device
list` names the cores.

## Chips

Cores, clocks and years (of announcement, or of the first phone) are facts from public lists, and lists differ by some
percent; [phones.csv](../phones.csv) has them. {sources}. Kryo cores that are Arm's are named as Arm does. In
brackets: milliseconds of a frame of `tiny`, luma and chroma, on that core or cluster when it is idle.

They were written down from memory of these lists. Since then all cores and clocks of {whole} chips, and the clock of
the biggest core of {biggest} more, were compared with what the last columns of phones.csv say, each with one page;
those pages differ among each other by up to a tenth. Four were wrong and are corrected: the big cores of the Helio
P23 (2.3 GHz) and middle ones of the Dimensity 8300 (3.2), the small cores of the A18 (2.2) and the T760 (1.8).
Unchecked: {rest}.

{checks}

| chip | year | cores, GHz | half of the biggest core | smallest cluster | biggest cluster |
| --- | ---: | --- | --- | --- | --- |
{chips}
"""

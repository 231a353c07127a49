"""The comparison of paths through codecs in one self-contained HTML file: curves, tables, and stills at equal bits."""

from __future__ import annotations

import base64
import json
import statistics
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Any

from pocketsr.bench.codec import METRICS, Bd, Row
from pocketsr.bench.codec_still import Still
from pocketsr.bench.plot import as_svg
from pocketsr.errors import UserError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["make_page", "mean_lines"]

_COLOURS = ("#444444", "#2e6f9e", "#d1495b", "#3a7d44", "#b0770a", "#7d4fa0", "#178a8a", "#a04f6a")
_TICKS = tuple(digit * 10.0**power for power in range(-4, 1) for digit in (1, 2, 5))
_LABELS = {"psnr": "PSNR, dB", "vmaf_neg": "VMAF NEG"}  # what is drawn


def make_page(
    rows: Sequence[Row], bd: Sequence[Bd], stills: Sequence[Still], settings: Mapping[str, Any]
) -> str:  # fmt: skip
    """The whole page. Raises UserError where matplotlib is missing."""
    page = Template(Path(__file__).with_name("codec.html").read_text())
    drawn = [metric for metric in _LABELS if any(getattr(row, METRICS[metric]) is not None for row in rows)]
    figures = {codec: _figure(codec, rows, drawn) for codec in dict.fromkeys(row.codec for row in rows)}
    about = settings.get("bd", {})
    shown = {key: value for key, value in settings.items() if key != "encodings"}
    return page.substitute(
        up_to=escape(str(about.get("anchor_up_to_bpp", ""))),
        method=escape(str(about.get("method", ""))),
        means=_table(("codec", "path", "metric", "mean %", "median %", "best %", "worst %", "clips"), mean_lines(bd)),
        plots="\n".join(f"<h3>{codec}</h3><figure>{as_svg(figure)}</figure>" for codec, figure in figures.items()),
        stills=_stills(stills) if stills else "",
        table=_table(
            ("clip", "codec", "path", "metric", "BD-rate %", "crossover bpp", ""), [_line(each) for each in bd]
        ),
        settings=escape(json.dumps(shown, indent=1)),
    )


def mean_lines(bd: Sequence[Bd]) -> list[tuple[str, ...]]:
    """Codec, path, metric; mean, median, best and worst BD-rate in per cent; of how many clips it is known."""
    groups: dict[tuple[str, str, str], list[float | None]] = {}
    for each in bd:
        groups.setdefault((each.codec, each.path, each.metric), []).append(each.bd_rate_percent)
    lines = []
    for group, found in groups.items():
        known = [value for value in found if value is not None]
        if known:
            figures = (statistics.fmean(known), statistics.median(known), min(known), max(known))
            written = tuple(f"{value:+.1f}" for value in figures)
        else:
            written = ("-",) * 4
        lines.append((*group, *written, f"{len(known)}/{len(found)}"))
    return lines


def _line(each: Bd) -> tuple[str, ...]:
    percent = "-" if each.bd_rate_percent is None else f"{each.bd_rate_percent:+.1f}"
    crossover = (each.beyond or "-") if each.crossover_bpp is None else f"{each.crossover_bpp:.4f}"
    return each.clip, each.codec, each.path, each.metric, percent, crossover, each.reason or ""


def _table(titles: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    head = "".join(f'<th scope="col">{escape(title)}</th>' for title in titles)
    body = "".join(
        "<tr>"
        + "".join(
            f"<td{' class=reason' * (not title)}>{escape(cell)}</td>" for title, cell in zip(titles, line, strict=True)
        )
        + "</tr>"
        for line in lines
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _figure(codec: str, rows: Sequence[Row], metrics: Sequence[str]) -> Figure:
    """A drawing a clip and metric: quality over bits per full-size pixel, a line a path."""
    try:
        from matplotlib.figure import Figure
        from matplotlib.ticker import NullFormatter
    except ModuleNotFoundError as error:
        raise UserError(f"curves need {error.name}: pip install 'pocketsr[codec]'") from error
    here = [row for row in rows if row.codec == codec]
    clips, paths = (list(dict.fromkeys(getattr(row, key) for row in here)) for key in ("clip", "path"))
    columns = min(3, len(clips))
    lines = -(-len(clips) // columns)
    figure = Figure(figsize=(4.6 * columns, 3.2 * lines * len(metrics) + 0.8), layout="constrained")
    for number, (metric, clip) in enumerate((metric, clip) for metric in metrics for clip in clips):
        block, place = divmod(number, len(clips))
        axes = figure.add_subplot(lines * len(metrics), columns, block * lines * columns + place + 1)
        for index, path in enumerate(paths):
            curve = sorted(
                (row.bpp, value)
                for row in here
                if (row.clip, row.path) == (clip, path) and (value := getattr(row, METRICS[metric])) is not None
            )
            colour = _COLOURS[index % len(_COLOURS)]
            style = "--" if "bicubic" in path else "-"
            axes.plot(*zip(*curve, strict=True), style, color=colour, marker=".", linewidth=1.3, label=path)
        axes.set(xscale="log", title=clip, ylabel=_LABELS[metric])
        low, high = axes.get_xlim()
        axes.set_xticks([tick for tick in _TICKS if low <= tick <= high], minor=False)
        axes.xaxis.set_major_formatter("{x:g}")
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.grid(which="both", alpha=0.2, linewidth=0.6)
        if number == 0:
            figure.legend(loc="outside upper center", ncols=min(4, len(paths)), fontsize=9)
    figure.supxlabel("bits per full-size pixel")
    return figure


def _stills(stills: Sequence[Still]) -> str:
    sets: dict[str, list[dict[str, str]]] = {}
    for still in stills:
        figures = still.figures
        caption = f"{figures['kbit_per_s']:.0f} kbit/s, {figures['psnr_db']:.2f} dB"
        if figures.get("vmaf_neg") is not None:
            caption += f", NEG {figures['vmaf_neg']:.1f}"
        uri = "data:image/webp;base64," + base64.b64encode(still.picture).decode()
        entry = {"path": still.path, "caption": caption, "uri": uri}
        sets.setdefault(f"{still.clip}, {still.codec}", []).append(entry)
    # "<" must not end the script element early; JSON has another way to write it
    text = json.dumps([{"name": name, "stills": each} for name, each in sets.items()]).replace("<", "\\u003c")
    side = "<label><select></select> <output></output></label>"
    return (
        "<h2>Stills at equal bits</h2><p>A part of the middle frame, luma; all paths were asked for one rate, and the "
        'figures are those of the whole clip. <select id="which" aria-label="clip and codec"></select></p>'
        f'<div class="sides">{side}{side}</div>'
        '<input type="range" min="0" max="100" value="50" step="0.1" aria-label="border between the two pictures">'
        f'<div class="pair"><img alt=""><img alt=""></div><script type="application/json" id="stills">{text}</script>'
    )

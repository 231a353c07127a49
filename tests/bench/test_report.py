from __future__ import annotations

import base64
import io
import json
import re
from collections.abc import Sequence
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pocketsr import UserError
from pocketsr.bench.report import CROPS, Comparison, Crop, compare, make_report
from pocketsr.bench.table import Figures, Network, Table, write_table
from pocketsr.cli import main
from pocketsr.pixels import imresize

TABLE = Table(
    "Some <CPU>",
    (
        Network("a<b>", "published", 694_400, 159.6, None, {"Set5": Figures(38.0, None)}),
        Network("small", "ours", 5_848, 1.3188, 5.432, {"Set5": Figures(37.076, 0.95677)}),
    ),
)
VOID = {"meta", "img", "input"}


class Page(HTMLParser):
    """Checks that elements nest, and keeps attributes, cells and scripts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.cells: list[list[tuple[str, str]]] = []
        self.scripts: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag == "tr":
            self.cells.append([])
        if tag == "td":
            self.cells[-1].append((dict(attrs)["data-value"] or "", ""))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "td":
            value, shown = self.cells[-1][-1]
            self.cells[-1][-1] = (value, shown + data)
        if self.open and self.open[-1] == "script":
            self.scripts.append(data)


@pytest.fixture
def comparison() -> Comparison:
    rng = np.random.default_rng(0)
    original = rng.integers(0, 256, (96, 96, 3), dtype=np.uint8)
    grey = np.full_like(original, 128)
    return Comparison("text: </script> x", {"bicubic": grey, "small": grey.copy(), "original": original})


def test_table_shows_rounded_and_sorts_by_exact_figures() -> None:
    head, first, second = Page(make_report(TABLE, [])).cells
    assert head == []
    assert first == [("a<b>", "a<b>"), ("published", "published"), ("694400", "694,400"), ("159.6", "159.6"),
                     ("", ""), ("", ""), ("38.0", "38.00"), ("", "")]  # fmt: skip
    assert second[2:] == [("5848", "5,848"), ("1.3188", "1.319"), ("5.432", "5.43"), ("", ""), ("37.076", "37.08"),
                          ("0.95677", "0.9568")]  # fmt: skip


def test_page_needs_no_network(comparison: Comparison) -> None:
    """Nothing but data URIs, and the addresses that name XML vocabularies, which nobody opens."""
    page = make_report(TABLE, ['<svg xmlns="http://www.w3.org/2000/svg"></svg>'], [comparison])
    assert "Some &lt;CPU&gt;" in page
    for _, name, value in Page(page).attributes:
        if name in ("src", "href", "xlink:href"):
            assert value.startswith(("data:", "#"))
    assert not re.search(r"@import|url\((?!#)|fetch\(|XMLHttpRequest|<link", page)


def test_crops_are_the_pictures_themselves(comparison: Comparison) -> None:
    page = Page(make_report(TABLE, [], [comparison]))
    (crop,) = json.loads(page.scripts[0])
    assert crop["caption"] == "text: </script> x"
    assert list(crop["pictures"]) == ["bicubic", "small", "original"]
    for model, picture in crop["pictures"].items():
        kind, _, content = picture["uri"].partition(",")
        assert kind == "data:image/png;base64"
        with Image.open(io.BytesIO(base64.b64decode(content))) as image:
            assert (np.asarray(image) == comparison.pictures[model]).all()
    assert crop["pictures"]["original"]["psnr_db"] is None
    # Noise of 0..255 against its middle: rms 74 a channel, of which luma (0.257, 0.504, 0.098) keeps 0.574: 42.4
    assert crop["pictures"]["small"]["psnr_db"] == pytest.approx(20 * np.log10(255 / 42.4), abs=0.3)
    chosen = [value for tag, name, value in page.attributes if (tag, name) == ("option", "selected")]
    assert len(chosen) == 2


def test_compare(tmp_path: Path) -> None:
    (tmp_path / "Set").mkdir()
    hr = np.random.default_rng(0).integers(80, 176, (120, 130, 3), dtype=np.uint8)
    Image.fromarray(hr).save(tmp_path / "Set" / "one.png")
    found = compare(Crop("noise", "Set/one.png", 20, 10), tmp_path, models=["bicubic"])
    assert found.caption == "noise: Set one, 20, 10"
    assert (found.pictures["original"] == hr[10:106, 20:116]).all()
    plain = imresize(imresize(hr, 0.5).astype(np.float64), 2)[10:106, 20:116]  # of colours; the other way about: 1 off
    assert np.abs(found.pictures["bicubic"] - plain).max() <= 1.01
    with pytest.raises(UserError, match="too small for a crop"):
        compare(Crop("noise", "Set/one.png", 40, 10), tmp_path)


def test_crops_lie_inside_their_images(shared_data: Path) -> None:
    for crop in CROPS:
        with Image.open(shared_data / "test" / crop.file) as image:
            assert crop.left + 96 <= image.width
            assert crop.top + 96 <= image.height
        assert crop.left % 2 == crop.top % 2 == 0


def test_verb(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_table(TABLE, tmp_path / "field.json")
    assert main(["bench", "plot", str(tmp_path / "field.json"), "-o", str(tmp_path / "out")]) == 0
    files = ["psnr_ms.png", "psnr_ms.svg", "psnr_params.png", "psnr_params.svg", "report.html"]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == files
    assert sorted(Path(line).name for line in capsys.readouterr().out.split()) == files
    page = (tmp_path / "out" / "report.html").read_text()
    assert page.count("<svg") == 2
    Page(page)
    assert main(["bench", "plot", str(tmp_path / "field.json"), "--set", "Set9"]) == 2
    assert "Set9" in capsys.readouterr().err


def _plotted(tmp_path: Path, *rows: Network, more: Sequence[str] = ()) -> tuple[int, list[str]]:
    write_table(Table("Some CPU", rows), tmp_path / "field.json")
    code = main(["bench", "plot", str(tmp_path / "field.json"), "-o", str(tmp_path / "out"), *more])
    return code, sorted(path.name for path in tmp_path.glob("out/*"))


def test_a_table_without_times_is_drawn_by_parameters(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As `bench quality -m all --only figures` leaves it."""
    untimed = Network("small", "ours", 5_848, 1.3, None, {"Set5": Figures(37.2, 0.95)})
    assert _plotted(tmp_path, untimed) == (0, ["psnr_params.png", "psnr_params.svg", "report.html"])
    out, err = capsys.readouterr()
    assert len(out.splitlines()) == 3
    assert err == (
        f"pocketsr: no psnr_ms: no network of {tmp_path / 'field.json'} has milliseconds a frame, 1280x720 out yet\n"
    )
    assert (tmp_path / "out" / "report.html").read_text().count("<svg") == 1


def test_a_table_of_another_set_is_drawn_by_that(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As an interrupted run leaves it: rows without any figure, and one with a set that isn't the usual one."""
    rows = [Network(name, "ours", 5_848, 1.3, 5.0, {}) for name in "ab"]
    rows.append(Network("c", "ours", 5_848, 1.3, 5.0, {"Urban100": Figures(30.0, None)}))
    code, files = _plotted(tmp_path, *rows)
    assert (code, len(files), capsys.readouterr().err) == (0, 5, "")
    assert "PSNR on Urban100" in (tmp_path / "out" / "report.html").read_text()


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ([], "has nothing to draw yet: no network has a PSNR beside parameters or a time"),
        (["--set", "Set9"], "no network has a PSNR on Set9 and parameters or a time; its sets: Set5"),
    ],
)
def test_a_table_with_nothing_to_draw(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], more: list[str], said: str
) -> None:
    bare = Network("mine", "ours", None, None, None, {"Set5": Figures(37.2, 0.95)})
    assert _plotted(tmp_path, bare, more=more) == (2, [])
    err = capsys.readouterr().err
    assert said in err
    assert err.count("\n") == 1

"""`pocketsr export`: what it prints, what it writes, and what it refuses in one line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from export_nets import net_with

from pocketsr.atomic_io import delivered
from pocketsr.cli import main
from pocketsr.errors import ArgumentError, UserError
from pocketsr.export import TARGETS, Operator, Report, export

KEYS = ["target", "files", "partitions", "max_levels", "differing_share", "psnr_db", "ms", "operators"]


def _refused(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert main(["export", *words]) == 2
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 1
    return said[0]


def test_the_report_is_printed_as_json_and_lies_beside_the_files(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("ai_edge_litert", reason="needs ai-edge-litert: pip install 'pocketsr[litert]'")
    assert main(["export", "litert", "-m", "tiny", "-o", str(tmp_path / "new"), "--size", "64x48", "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert list(printed) == KEYS
    assert printed["target"] == "litert"
    assert printed["files"] == ["tiny.tflite"]
    assert printed["ms"] > 0
    assert printed["operators"][0] == {"name": "SLICE", "unit": "XNNPACK"}
    assert sorted(file.name for file in (tmp_path / "new").iterdir()) == [
        "tiny-litert.json",
        "tiny-litert.md",
        "tiny.tflite",
    ]
    kept = json.loads((tmp_path / "new" / "tiny-litert.json").read_text())
    assert {key: kept[key] for key in KEYS} == printed
    assert "| CONV_2D | XNNPACK | 6 |" in (tmp_path / "new" / "tiny-litert.md").read_text()


def test_mistakes_are_one_line_and_leave_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = str(tmp_path / "out")
    assert "did you mean litert?" in _refused(capsys, "litrt", "-m", "small", "-o", out)
    assert "unknown model 'smal'" in _refused(capsys, "c", "-m", "smal", "-o", out)
    (tmp_path / "broken.onnx").write_bytes(b"\x08\x07nonsense")
    assert "broken.onnx" in _refused(capsys, "c", "-m", str(tmp_path / "broken.onnx"), "-o", out)
    assert not (tmp_path / "out").exists()
    assert "--size 640: WIDTHxHEIGHT is expected" in _refused(
        capsys, "litert", "-m", "small", "-o", out, "--size", "640"
    )


@pytest.mark.parametrize("target", TARGETS)
def test_what_the_engine_refuses_no_target_takes(target: str, tmp_path: Path) -> None:
    network = net_with(tmp_path / "odd.onnx", "GlobalAveragePool")
    with pytest.raises(UserError, match=r"GlobalAveragePool_node|needs"):
        export(target, network, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("size", [(0, 0), (7, 100), (100, 5000), (-64, 64), (64.0, 64), "64x64", (64, 64, 64)])
def test_sizes_out_of_bounds_are_refused(size: object, tmp_path: Path) -> None:
    pytest.importorskip("ai_edge_litert", reason="needs ai-edge-litert: pip install 'pocketsr[litert]'")
    with pytest.raises(ArgumentError, match="each from 8 to 4096 pixels"):
        export("litert", "tiny", tmp_path, size=size)
    assert not list(tmp_path.iterdir())


def test_options_and_precisions_that_a_target_lacks_are_refused(tmp_path: Path) -> None:
    pytest.importorskip("ai_edge_litert", reason="needs ai-edge-litert: pip install 'pocketsr[litert]'")
    with pytest.raises(ArgumentError, match="--cpu says nothing to litert, whose options are: --precision, --size"):
        export("litert", "tiny", tmp_path, cpu="cortex-a53")
    with pytest.raises(ArgumentError, match="precision int4: litert takes float32, float16, int8"):
        export("litert", "tiny", tmp_path, precision="int4")
    with pytest.raises(ArgumentError, match="tiny isn't quantized"):
        export("litert", "tiny", tmp_path, precision="int8")


def test_files_come_all_or_none(tmp_path: Path) -> None:
    """A folder takes an older one's place; what failed leaves the older ones as they were."""
    old = tmp_path / "net.package"
    old.mkdir()
    (old / "old").write_text("old")

    def fail() -> None:
        with delivered(tmp_path) as scratch:
            (scratch / "net.package").mkdir()
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert [each.name for each in tmp_path.iterdir()] == ["net.package"]
    assert (old / "old").read_text() == "old"
    with delivered(tmp_path) as scratch:
        (scratch / "net.package").mkdir()
        (scratch / "net.package" / "new").write_text("new")
    assert [each.name for each in tmp_path.iterdir()] == ["net.package"]
    assert [each.name for each in old.iterdir()] == ["new"]
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="can't be written"), delivered(tmp_path / "file"):
        pass


def test_what_cannot_be_known_is_null_and_said() -> None:
    report = Report("t", "net", ("net.file",), 3, operators=(Operator("conv", None),), notes=("A note.",))
    assert report.to_json() == dict.fromkeys(KEYS) | {
        "target": "t",
        "files": ("net.file",),
        "operators": ({"name": "conv", "unit": None},),
    }
    page = report.to_markdown()
    assert "| partitions | not known here |" in page
    assert "| conv | unknown here | 1 |" in page
    assert page.endswith("- A note.\n")


def test_a_folder_in_a_files_place_leaves_all_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("before")
    (tmp_path / "b").mkdir()

    def write() -> None:
        with delivered(tmp_path) as scratch:
            (scratch / "a").write_text("after")
            (scratch / "b").write_text("after")

    with pytest.raises(UserError, match="b is a folder"):
        write()
    assert (tmp_path / "a").read_text() == "before"
    assert sorted(each.name for each in tmp_path.iterdir()) == ["a", "b"]


@pytest.mark.parametrize("folder", [False, True])
def test_nothing_is_written_through_a_link_to_a_folder(folder: bool, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a").symlink_to(tmp_path / "elsewhere")

    def write() -> None:
        with delivered(tmp_path / "out") as scratch:
            (scratch / "a").mkdir() if folder else (scratch / "a").touch()

    with pytest.raises(UserError, match="a is a link to a folder"):
        write()
    assert not list((tmp_path / "elsewhere").iterdir())

"""`bench speed` with files that `pocketsr export` wrote, beside the network that they are of."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from pocketsr import UserError
from pocketsr.bench.peers import FILES
from pocketsr.bench.speed import measure_speed
from pocketsr.export import export

SIZE = (64, 48)


def _measured(*files: Path, size: tuple[int, int] = SIZE) -> dict:
    return measure_speed(["tiny"], [str(each) for each in files], size, threads=1, rounds=1, frames=1)


def test_files_run_in_their_runtimes_and_others_are_absent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("onnxruntime", reason="needs onnxruntime")
    export("qnn", "tiny", tmp_path, size=SIZE)
    monkeypatch.setitem(FILES, ".mnn", replace(FILES[".mnn"], modules=("no_such_module",)))
    (tmp_path / "tiny.mnn").write_bytes(b"")
    good, missing = tmp_path / "tiny-qnn.onnx", tmp_path / "tiny.mnn"
    result = _measured(good, missing)
    assert [row["runtime"] for row in result["rows"]] == ["pocketsr", str(good)]
    assert result["rows"][1]["settings"] == "CPU, uint8 in the graph"
    assert result["rows"][1]["version"]
    assert result["absent"] == [{"runtime": str(missing), "reason": "no module no_such_module: pip install MNN"}]


@pytest.mark.parametrize(
    ("target", "suffix", "module"),
    [("litert", ".tflite", "ai_edge_litert"), ("ncnn", ".param", "ncnn"), ("mnn", ".mnn", "MNN")],
)
def test_other_kinds(target: str, suffix: str, module: str, tmp_path: Path) -> None:
    pytest.importorskip(module, reason=f"needs {module}: pip install 'pocketsr[export]'")
    export(target, "tiny", tmp_path, size=SIZE)
    result = _measured(tmp_path / f"tiny{suffix}")
    assert result["absent"] == []
    assert [row["runtime"] for row in result["rows"]] == ["pocketsr", str(tmp_path / f"tiny{suffix}")]


def test_what_does_not_fit_is_said(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime", reason="needs onnxruntime")
    export("qnn", "tiny", tmp_path, size=SIZE)
    (tmp_path / "broken.onnx").write_bytes(b"no model")
    good, broken = tmp_path / "tiny-qnn.onnx", tmp_path / "broken.onnx"
    result = _measured(good, broken, size=(80, 48))
    reasons = {row["runtime"]: row["reason"] for row in result["absent"]}
    assert "the file is for pictures of 64x48: measure it with --size 64x48" in reasons[str(good)]
    assert reasons[str(broken)]
    assert [row["runtime"] for row in result["rows"]] == ["pocketsr"]
    with pytest.raises(UserError, match=r"none\.tflite: no such file"):
        _measured(tmp_path / "none.tflite")
    (tmp_path / "alone.param").write_text("")
    with pytest.raises(UserError, match=r"alone\.bin: no such file"):
        _measured(tmp_path / "alone.param")
    with pytest.raises(UserError, match="is of one network"):
        measure_speed(["tiny", "small"], [str(good)], SIZE)
    with pytest.raises(UserError, match=r"unknown peer 'net\.zip': choose from .*or name an exported file"):
        _measured(Path("net.zip"))

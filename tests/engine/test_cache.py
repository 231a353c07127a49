"""Compiled libraries on disk."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from engine_nets import save

from pocketsr import UserError
from pocketsr.engine import load, load_chroma

IMAGE = np.arange(35, dtype=np.uint8).reshape(5, 7)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("POCKETSR_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def entry(cache: Path) -> Path:
    (folder,) = [path for path in cache.iterdir() if not path.name.startswith(".")]
    return folder


def test_second_load_reuses_the_first(cache: Path, tmp_path: Path) -> None:
    path = save("tiny_like", tmp_path)
    first = load(path)(IMAGE)
    stamp = (entry(cache) / "tiny_like.so").stat().st_mtime_ns
    assert (load(path)(IMAGE) == first).all()
    assert (entry(cache) / "tiny_like.so").stat().st_mtime_ns == stamp
    assert not [path for path in cache.iterdir() if path.name.startswith(".")]


@pytest.mark.parametrize("harm", ["truncated", "foreign", "no_json", "other_json", "is_a_file", "empty"])
def test_a_broken_entry_is_rebuilt(harm: str, cache: Path, tmp_path: Path) -> None:
    path = save("tiny_like", tmp_path)
    expected = load(path)(IMAGE)
    folder = entry(cache)
    library, about = folder / "tiny_like.so", folder / "about.json"
    # A loaded library must not be overwritten in place: replace the files, as a foreign program would.
    match harm:
        case "truncated":
            data = library.read_bytes()[:1000]
            library.unlink()
            library.write_bytes(data)
        case "foreign":
            library.unlink()
            library.write_bytes(b"MZ" + bytes(5000))
        case "no_json":
            about.write_text("{ not json")
        case "other_json":
            about.write_text(json.dumps([1, 2]))
        case "is_a_file" | "empty":
            for file in folder.iterdir():
                file.unlink()
            if harm == "is_a_file":
                folder.rmdir()
                folder.write_text("?")
    assert (load(path)(IMAGE) == expected).all()
    assert json.loads((entry(cache) / "about.json").read_text())["library"] == "tiny_like.so"


def test_processes_compiling_at_once_do_no_harm(cache: Path, tmp_path: Path) -> None:
    path = save("small_like", tmp_path)
    code = (
        "import sys, numpy as np, pocketsr; from pathlib import Path;"
        "print(int(pocketsr.load(Path(sys.argv[1]))(np.arange(35, dtype=np.uint8).reshape(5, 7)).sum()))"
    )
    running = [
        subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE, text=True) for _ in range(4)
    ]
    answers = {process.communicate(timeout=600)[0] for process in running}
    assert {process.returncode for process in running} == {0}
    assert answers == {f"{int(load(path)(IMAGE).sum())}\n"}
    assert len(list(cache.iterdir())) == 1


@pytest.mark.usefixtures("cache")
def test_a_warm_start_imports_no_onnx(tmp_path: Path) -> None:
    path = save("tiny_like", tmp_path)
    load(path)
    code = (
        "import sys, pocketsr; from pathlib import Path; pocketsr.load(Path(sys.argv[1]));"
        "assert not {'onnx', 'torch', 'av'} & set(sys.modules), sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", code, str(path)], check=True)


def test_unwritable_cache_is_a_clear_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("POCKETSR_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(UserError, match="POCKETSR_CACHE"):
        load(save("tiny_like", tmp_path))


@pytest.mark.usefixtures("cache")
def test_a_missing_compiler_is_a_clear_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from pocketsr.engine.build import build_library
    from pocketsr.engine.target import host_target

    target = host_target()
    monkeypatch.setenv("CC", "/no/such/compiler")
    with pytest.raises(UserError, match="unset CC"):
        build_library("int x;", tmp_path / "x.so", target)


@pytest.mark.usefixtures("cache")
@pytest.mark.parametrize(("siting", "shift"), [("center", (0, 0)), ("left", (0, 1)), ("topleft", (1, 1))])
def test_chroma_samples_land_where_the_siting_says(siting: str, shift: tuple[int, int]) -> None:
    """A plane that rises evenly: enlarged, each sample reads the place where it lies."""
    y, x = np.mgrid[0:40, 0:40]
    rows, columns = np.mgrid[0:80, 0:80]
    for axis, (plane, place) in enumerate([(y, rows), (x, columns)]):
        got = load_chroma(2, siting)(np.round(plane * 1000.0 + 5000).astype(np.uint16)).astype(float)  # type: ignore[arg-type]
        # centred: (j + 0.5) / 2 - 0.5; cosited: input sample i is luma 2i, output sample j luma j
        expected = place / 2 - 0.25 + 0.125 * shift[axis]
        assert np.abs((got - 5000) / 1000 - expected)[8:-8, 8:-8].max() < 2e-3

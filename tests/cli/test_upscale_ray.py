"""Files and segments on a Ray cluster, one node of which is killed: the same bytes as on one machine."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cli_samples import command_line, make_clip, smooth
from PIL import Image

from pocketsr.engine import load, load_chroma
from pocketsr.video.segments import LONG

OPTIONS = ("-m", "tiny", "--preset", "ultrafast")
NEEDS_RAY = "needs Ray (pip install ray), which this environment has not"


@pytest.fixture
def album(tmp_path: Path) -> Path:
    folder = tmp_path / "in"
    folder.mkdir()
    make_clip(folder / "long.mkv", frames=LONG + 100, width=48, height=32)
    make_clip(folder / "short.mp4", frames=10, width=48, height=32)
    Image.fromarray(smooth(15, 22)).save(folder / "photo.png")
    (folder / "bad.mp4").write_bytes(b"nothing")
    return folder


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_two_nodes_one_of_which_dies(album: Path, tmp_path: Path) -> None:
    pytest.importorskip("ray", reason=NEEDS_RAY)
    from ray.cluster_utils import Cluster

    for threads in (1, None):
        load("tiny", threads=threads)
        for siting in ("center", "left"):
            load_chroma(siting=siting, threads=threads)
    alone, shared = tmp_path / "alone", tmp_path / "shared"
    one = subprocess.run(command_line("upscale", album, "-o", alone, *OPTIONS), check=False, capture_output=True)
    assert one.returncode == 2
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    try:
        other = cluster.add_node(num_cpus=1)
        cluster.wait_for_nodes()
        command = command_line("upscale", album, "-o", shared, *OPTIONS, "--ray", cluster.address)
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as run:
            while run.poll() is None and not list(shared.glob(".*/*.segment")):
                time.sleep(0.01)
            assert run.poll() is None, run.communicate()
            cluster.remove_node(other, allow_graceful=False)
            out, err = run.communicate()
    finally:
        cluster.shutdown()
    assert run.returncode == 2
    assert err.decode().splitlines()[-1] == "pocketsr: 1 of 4 files failed"
    assert err.count(b"bad.mp4 is not a video that can be read") == err.count(b"\n") - 1 == 1
    assert sorted(out.decode().splitlines()) == sorted(
        one.stdout.decode().replace(str(alone), str(shared)).splitlines()
    )
    assert bytes_of(shared) == bytes_of(alone)


def test_without_ray_one_line_says_what_to_install(
    pocketsr: Callable[..., Any], album: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    done = pocketsr("upscale", album, "-o", album.with_name("out"), *OPTIONS, "--ray")
    assert (done.code, done.out) == (2, "")
    assert done.err == "pocketsr: --ray needs Ray: pip install 'pocketsr[ray]' (here, and on every machine)\n"
    assert not album.with_name("out").exists()


@pytest.mark.parametrize(
    ("args", "why"),
    [
        (("--ray", "no address"), "an address is expected"),
        (("--ray", "--benchmark"), "--ray writes files"),
        (("--ray", "--pix-fmt", "rgb24", "--video-size", "4x4"), "--ray is for files and folders"),
    ],
)
def test_mistakes(pocketsr: Callable[..., Any], photo: Path, args: tuple[str, ...], why: str) -> None:
    output = () if "--benchmark" in args else ("-o", photo.with_name("out.png"))
    done = pocketsr("upscale", photo, *output, "-m", "tiny", *args)
    assert done.code == 2
    assert why in done.err
    assert done.err.count("\n") == 1

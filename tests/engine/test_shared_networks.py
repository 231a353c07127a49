"""One Network for many threads, after forks and interruptions, and every way in which an array can lie."""

from __future__ import annotations

import gc
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from engine_nets import save

from pocketsr import UserError
from pocketsr.engine import Network, Upscaler, load, repeat_edges
from pocketsr.fallback.session import Session
from pocketsr.fallback.tiled import TiledUpscaler

RNG = np.random.default_rng(0)
Y = RNG.integers(0, 256, (61, 83), np.uint8)
Y16 = RNG.integers(0, 65536, (61, 83), np.uint16)
F = RNG.random((61, 83), np.float32)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save("tiny_like", tmp_path_factory.mktemp("nets"))  # pads with zeros, so that repeat_edges has work to do


@pytest.fixture(scope="module", params=[1, 3])
def network(request: pytest.FixtureRequest, path: Path) -> Network:
    return load(path, threads=request.param)


def tiled(path: Path, threads: int) -> Upscaler:
    session = Session(path, threads)
    return TiledUpscaler(session, session.field(), tile_bytes=1 << 20)


KINDS: dict[str, Callable[[Path], Upscaler]] = {
    "one thread": lambda path: load(path, threads=1),
    "two threads": lambda path: load(path, threads=2),
    "repeated edges": lambda path: repeat_edges(load(path, threads=2)),
    "through ONNX Runtime": lambda path: tiled(path, 2),
}


@pytest.mark.parametrize("kind", KINDS)
def test_many_threads_share_one(kind: str, path: Path) -> None:
    net = KINDS[kind](path)
    pictures = [np.ascontiguousarray(Y[:height, :width]) for height, width in ((61, 83), (61, 83), (13, 41), (60, 7))]
    expected = [net(picture) for picture in pictures]
    wrong: list[int] = []

    def work(index: int) -> None:
        for _ in range(40):
            if not np.array_equal(net(pictures[index]), expected[index]):
                wrong.append(index)

    threads = [threading.Thread(target=work, args=(index,)) for index in range(len(pictures))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def in_a_process(path: Path, code: str) -> str:
    """What `code` prints; it has `path`, the pictures and the networks from above."""
    own = [str(Path(__file__).parent), *sys.path]
    head = f"import os, signal, sys\nsys.path[:0] = {own!r}\nfrom test_shared_networks import *\n"
    head += f"path = Path({str(path)!r})\n"
    done = subprocess.run(
        [sys.executable, "-c", head + textwrap.dedent(code)], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


@pytest.mark.skipif(not hasattr(sys, "getdlopenflags"), reason="needs fork")
@pytest.mark.parametrize(("kinds", "end"), [(list(KINDS)[:3], "sys.exit"), (list(KINDS), "os._exit")])
def test_a_fork_works_and_ends(kinds: list[str], end: str, path: Path) -> None:
    """With networks that have run before, and threads of which the child has none; children of children, too.

    Children that have a session of ONNX Runtime end as those of multiprocessing do (see `whole.forks`).
    """
    said = in_a_process(
        path,
        f"kinds, end = {kinds}, {end}\n"
        + textwrap.dedent("""
        nets = [KINDS[kind](path) for kind in kinds]
        expected = [net(Y) for net in nets]

        def right():
            return all(np.array_equal(net(Y), each) for net, each in zip(nets, expected))

        def child(then):
            sys.stdout.flush()
            pid = os.fork()
            if pid:
                return os.waitpid(pid, 0)[1]
            signal.alarm(60)
            then()

        def once():
            print("right" if right() else "wrong")
            nets.clear()
            gc.collect()
            sys.stdout.flush()
            end(0)

        print(child(once))
        print(child(lambda: (print(child(once)), once())))
        print("right" if right() else "wrong")
        """),
    )
    assert said.split() == ["right", "0", "right", "0", "right", "0", "right"]


@pytest.mark.skipif(not hasattr(sys, "getdlopenflags"), reason="needs signals")
def test_an_interrupted_call_harms_no_later_one(path: Path) -> None:
    """Exceptions out of a signal's handler, wherever the call is; the handler enlarges a picture itself."""
    said = in_a_process(
        path,
        """
        large = np.tile(Y, (6, 6))
        for net in [load(path, threads=1), load(path, threads=2), repeat_edges(load(path, threads=2))]:
            expected, small, hit = net(large), net(Y), 0
            out = np.empty_like(expected)

            armed = False  # the timer may fire when the call is over and nobody would catch the exception

            def handler(*_):
                assert np.array_equal(net(Y), small)
                if armed:
                    raise KeyboardInterrupt

            signal.signal(signal.SIGALRM, handler)
            for i in range(25):
                try:
                    armed = True
                    signal.setitimer(signal.ITIMER_REAL, 0.0002 + i * 0.0003)
                    net(large, out=out)
                    armed = False
                except KeyboardInterrupt:
                    armed = False
                    hit += 1
                signal.setitimer(signal.ITIMER_REAL, 0)
                out[:] = 7
                before = out.copy()
                assert np.array_equal(net(large), expected)
                assert np.array_equal(out, before)  # nobody writes to it any more
            print(hit > 0)
        """,
    )
    assert said.split() == ["True"] * 3


def test_networks_come_and_go(path: Path) -> None:
    before = threading.active_count()
    for _ in range(20):
        load(path, threads=3)(Y)
    gc.collect()
    for thread in threading.enumerate()[before:]:
        thread.join(10)
    assert threading.active_count() <= before


def test_closed_or_dropped_while_it_runs(path: Path) -> None:
    expected = load(path, threads=2)(np.tile(Y, (4, 4)))
    nets = [load(path, threads=2) for _ in range(4)]
    found: list[Any] = []

    def work(net: Network) -> None:
        found.extend(net(np.tile(Y, (4, 4))) for _ in range(5))

    threads = [threading.Thread(target=work, args=(net,)) for net in nets]
    for thread in threads:
        thread.start()
    for _ in range(20):
        for net in nets:
            net.close()
    nets.clear()
    gc.collect()
    for thread in threads:
        thread.join()
    assert len(found) == 20
    assert all(np.array_equal(each, expected) for each in found)


def _shifted(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """The same numbers at an odd address."""
    memory = np.zeros(array.nbytes + 1, np.uint8)[1:].view(array.dtype).reshape(array.shape)
    memory[:] = array
    return memory


def _apart(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Rows that are no whole number of samples apart."""
    height, width = array.shape
    step = width * array.itemsize + 1
    rows = np.ndarray(array.shape, array.dtype, np.zeros(height * step, np.uint8).data, 0, (step, array.itemsize))
    rows[:] = array
    return rows


LAYOUTS: dict[str, Callable[[np.ndarray[Any, Any]], np.ndarray[Any, Any]]] = {
    "big-endian": lambda a: a.astype(a.dtype.newbyteorder(">")),
    "upside down": lambda a: np.ascontiguousarray(a[::-1, ::-1])[::-1, ::-1],
    "transposed": lambda a: np.ascontiguousarray(a.T).T,
    "every other": lambda a: np.repeat(np.repeat(a, 2, 0), 3, 1)[::2, ::3],
    "unaligned": _shifted,
    "rows apart": _apart,
    "masked": lambda a: np.ma.masked_array(a, a > a.mean()),  # type: ignore[no-untyped-call]
    "matrix": lambda a: a.view(np.matrix),
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("plain", [Y, Y16, F], ids=["uint8", "uint16", "float32"])
def test_arrays_lie_as_they_like(layout: str, plain: np.ndarray[Any, Any], network: Network) -> None:
    expected, picture = network(plain), LAYOUTS[layout](plain)
    picture.flags.writeable = False
    got = network(picture)
    assert got.dtype == picture.dtype
    assert np.array_equal(got, expected)
    assert np.array_equal(repeat_edges(network)(picture), repeat_edges(network)(plain))
    out = LAYOUTS[layout](np.zeros_like(expected))
    assert network(plain, out=out) is out
    assert np.array_equal(np.asarray(out), expected)


def test_rows_may_be_the_same(network: Network) -> None:
    same = np.broadcast_to(Y[:1], Y.shape)
    assert np.array_equal(network(same), network(same.copy()))


@pytest.mark.parametrize("kind", KINDS)
def test_the_result_may_overlap_the_picture(kind: str, path: Path) -> None:
    net = KINDS[kind](path)
    expected = net(Y)
    for top, left in ((0, 0), (61, 83), (30, 10)):
        memory = np.zeros((122, 166), np.uint8)
        inner = memory[top : top + 61, left : left + 83]
        inner[:] = Y
        assert np.array_equal(net(inner, out=memory), expected)


def test_a_strange_frame_leaves_nothing_behind(network: Network) -> None:
    expected, wild = network(F), F * np.float32(3e38)
    wild[::7, ::5] = np.nan
    wild[1::7, ::5] = np.inf
    wild[2::7, ::5] = -np.inf
    network(wild)
    assert np.array_equal(network(F), expected)


REFUSED: dict[str, tuple[Any, dict[str, Any]]] = {
    **{f"type {kind}": (np.zeros((5, 5), kind), {})
       for kind in ("int8", "bool", "float64", "float16", "complex64", "O", "U1", "M8[s]", "uint32", "V3")},
    **{f"a {type(thing).__name__}": (thing, {}) for thing in ([[1, 2]], 5, None, "x", memoryview(Y))},
    **{f"size {shape}": (np.zeros(shape, np.uint8), {}) for shape in ((0, 5), (5, 0), (0, 0), (5,), (), (5, 5, 3))},
    **{f"{bits} bits": (Y16, {"bits": bits}) for bits in (0, -1, 17, 99, 8.5, "8")},
    **{f"{height} x {width}": (np.broadcast_to(Y[:1, :1], (height, width)), {})
       for height, width in ((1, 2**32 + 16), (2**32 + 16, 1), (2**31 + 16, 1), (1, 2**31 - 1), (2**30, 2**30),
                             (1, 2**29), (2**29, 2**29))},
    "a read-only result": (Y, {"out": np.broadcast_to(Y[:1, :1], (122, 166))}),
    "a result of another type": (Y, {"out": np.zeros((122, 166), np.uint16)}),
    "a result of another size": (Y, {"out": np.zeros((122, 167), np.uint8)}),
    "a flat result": (Y, {"out": np.zeros(122 * 166, np.uint8)}),
    "a list as result": (Y, {"out": [[0] * 166] * 122}),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
@pytest.mark.parametrize("edges", [False, True])
def test_what_is_no_picture_is_refused(what: str, edges: bool, path: Path) -> None:
    net = load(path, threads=2)
    picture, options = REFUSED[what]
    with pytest.raises(UserError) as caught:
        (repeat_edges(net) if edges else net)(picture, **options)
    assert len(str(caught.value)) < 200


def test_it_is_not_sent_to_processes(network: Network) -> None:
    import pickle

    with pytest.raises(TypeError, match="load it there"):
        pickle.dumps(network)


def test_working_memory_is_bounded(path: Path) -> None:
    net = load(path, threads=1)
    with pytest.raises(UserError, match="of width"):
        net.scratch_bytes(2**32 + 16)
    wide = np.zeros((1, 100_000), np.uint8)
    assert net(wide).shape == (2, 200_000)
    assert net(wide.T).shape == (200_000, 2)

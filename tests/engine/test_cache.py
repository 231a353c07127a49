"""Compiled libraries on disk."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from engine_nets import save

from pocketsr import UserError
from pocketsr.engine import load, load_chroma
from pocketsr.engine.runtime.cache import Entry, _private, entry_for

IMAGE = np.arange(35, dtype=np.uint8).reshape(5, 7)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("POCKETSR_CACHE", str(tmp_path / "cache"))
    _private.cache_clear()
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


def make(folder: Path) -> Entry:
    """A library in name only, so that nothing has to be compiled."""
    (folder / "net.so").write_text("code")
    return folder / "net.so", {"name": "net"}


def use(entry: Entry) -> str:
    library, about = entry
    assert library.parent.stat().st_uid == os.getuid()
    if library.read_text() != "code":
        raise OSError("invalid ELF header")
    return str(about["name"])


def _say(about: Path, **changed: object) -> None:
    about.write_text(json.dumps({**json.loads(about.read_text()), **changed}))


BAD = (
    "no_elf",
    "no_info",
    "other_info",
    "deep_json",
    "dead_link",
    "link_out",
    "linked_library",
    "writable",
    "writable_so",
    "fifo",
)
FOREIGN = ("foreign_folder", "foreign_library", "foreign_about")


@pytest.mark.parametrize("harm", [*BAD, "path", *FOREIGN])
def test_an_entry_that_cannot_be_trusted_is_rebuilt(harm: str, cache: Path, tmp_path: Path) -> None:
    if harm in FOREIGN and os.getuid() != 0:
        pytest.skip("only root can give files away")
    assert entry_for(b"content", make, use) == "net"
    folder = entry(cache)
    library, about = folder / "net.so", folder / "about.json"
    elsewhere = tmp_path / "elsewhere"
    match harm:
        case "no_elf":
            library.write_bytes(b"no library")
            _say(about, sha256=hashlib.sha256(b"no library").hexdigest())
        case "no_info":
            _say(about, info={})
        case "other_info":  # well-formed, and wrong: by its scale the results are allocated
            _say(about, info={"name": "other"})
        case "deep_json":
            about.write_text("[" * 60_000)
        case "dead_link" | "link_out":
            folder.rename(elsewhere)
            folder.symlink_to(elsewhere if harm == "link_out" else tmp_path / "nowhere")
        case "linked_library":
            library.rename(elsewhere)
            library.symlink_to(elsewhere)
        case "writable":
            folder.chmod(0o777)
        case "writable_so":
            library.chmod(0o766)
        case "fifo":
            about.unlink()
            os.mkfifo(about)
        case "path":
            _say(about, library="../net.so")
        case "foreign_folder" | "foreign_library" | "foreign_about":
            os.chown(
                {"folder": folder, "library": library, "about": about}[harm.removeprefix("foreign_")], 12345, 12345
            )
    built = []
    assert entry_for(b"content", lambda folder: built.append(folder) or make(folder), use) == "net"  # type: ignore[func-returns-value]
    assert len(built) == 1
    folder = entry(cache)
    found = [folder, *folder.iterdir()]
    assert not [path for path in found if path.is_symlink() or path.stat().st_uid != os.getuid()]
    assert not [path for path in found if path.stat().st_mode & 0o022]
    assert json.loads((folder / "about.json").read_text())["library"] == "net.so"
    assert entry_for(b"content", lambda _: pytest.fail("built again"), use) == "net"


@pytest.mark.parametrize("harm", ["no_elf", "no_info", "huge_halo"])
def test_a_library_that_cannot_be_loaded_is_compiled_anew(harm: str, cache: Path, tmp_path: Path) -> None:
    path = save("tiny_like", tmp_path)
    expected = load(path)(IMAGE)
    library, about = entry(cache) / "tiny_like.so", entry(cache) / "about.json"
    info = {} if harm == "no_info" else json.loads(about.read_text())["info"]
    if harm == "no_elf":
        library.unlink()
        library.write_bytes(b"no library")
    elif harm == "huge_halo":
        info |= {"halo": 10**9}
    summed = library.read_bytes() + json.dumps(info, sort_keys=True).encode()
    _say(about, info=info, sha256=hashlib.sha256(summed).hexdigest())
    assert (load(path)(IMAGE) == expected).all()
    assert json.loads(about.read_text())["info"] == load(path, threads=1).info.to_json()


@pytest.mark.parametrize("how", ["open_above", "stranger_above", "link_of_a_stranger"])
def test_a_folder_that_others_may_swap_is_not_used(
    how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    if "stranger" in how and os.getuid() != 0:
        pytest.skip("only root can give files away")
    above, real = tmp_path / "above", tmp_path / "real"
    cache = above / "deeper" / "cache"
    cache.mkdir(parents=True)
    above.chmod(0o777 if how == "open_above" else 0o1777)
    if how == "stranger_above":
        os.chown(above / "deeper", 12345, 12345)
    elif how == "link_of_a_stranger":
        cache.rmdir()
        cache.parent.rmdir()
        (real / "cache").mkdir(parents=True)
        cache.parent.symlink_to(real)
        os.chown(cache.parent, 12345, 12345, follow_symlinks=False)
    monkeypatch.setenv("POCKETSR_CACHE", str(cache))
    libraries = []
    entry_for(f"{how} {tmp_path}".encode(), make, lambda entry: libraries.append(entry[0]))
    if how == "link_of_a_stranger":  # it leads to what is ours: then that is meant, wherever the link leads from now on
        assert libraries[0].parents[1] == real / "cache"
    else:
        assert not [*cache.iterdir()]
        assert "above it" in caplog.text


def cannot_be_used(how: str, cache: Path) -> str:
    """Makes the cache folder one that can't be used; the words that say what to do about it."""
    match how:
        case "file":
            cache.write_text("")
        case "below_a_file":
            cache.parent.joinpath("file").write_text("")
            os.environ["POCKETSR_CACHE"] = str(cache.parent / "file" / "cache")
        case "open" | "sticky":
            cache.mkdir()
            cache.chmod(0o777 if how == "open" else 0o1777)
            return f"chmod go-w '{cache}'"
    return "set POCKETSR_CACHE"


@pytest.mark.parametrize("how", ["file", "below_a_file", "open", "sticky"])
def test_without_a_cache_networks_are_compiled_for_the_run(
    how: str, cache: Path, caplog: pytest.LogCaptureFixture
) -> None:
    words = cannot_be_used(how, cache)
    assert entry_for(b"content", make, use) == "net"
    assert entry_for(b"content", lambda _: pytest.fail("built again"), use) == "net"
    (message,) = caplog.messages  # once
    assert message.startswith("pocketsr: the cache folder ")
    assert "\n" not in message
    assert words in message
    assert not cache.is_dir() or not list(cache.iterdir())


def test_a_full_disk_is_one_line(cache: Path) -> None:
    """Where the folder for temporary files has no room either."""

    def full(_: Path) -> Entry:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(UserError, match=r"can't be written \(No space left on device\); free some space") as caught:
        entry_for(b"content", full, use)
    assert "\n" not in str(caught.value)
    assert not list(cache.iterdir())


def test_what_is_wrong_with_a_network_is_said_once(cache: Path) -> None:
    """An error of the network's own is none of the cache's: nothing is tried again elsewhere."""
    tried = []

    def refused(folder: Path) -> Entry:
        tried.append(folder)
        raise UserError("no such operator") from ValueError()

    with pytest.raises(UserError, match="no such operator"):
        entry_for(b"content", refused, use)
    assert len(tried) == 1
    assert not list(cache.iterdir())


def test_what_killed_processes_left_is_swept(cache: Path) -> None:
    cache.mkdir(mode=0o700)
    old, new = cache / ".0123-abc", cache / ".4567-def"
    for folder in (old, new):
        folder.mkdir()
    os.utime(old, (0, 0))
    entry_for(b"content", make, use)
    assert (old.exists(), new.exists()) == (False, True)


def test_without_a_home_the_private_folder_serves(tmp_path: Path) -> None:
    code = (
        "import pathlib, sys, numpy as np, pocketsr\n"
        "def none(): raise RuntimeError('no home')\n"
        "pathlib.Path.home = staticmethod(none)\n"
        "print(pocketsr.load(pathlib.Path(sys.argv[1]))(np.zeros((3, 3), np.uint8)).shape)"
    )
    bare = {key: value for key, value in os.environ.items() if key not in ("HOME", "XDG_CACHE_HOME", "POCKETSR_CACHE")}
    command = [sys.executable, "-c", code, str(save("tiny_like", tmp_path))]
    done = subprocess.run(command, env=bare, capture_output=True, text=True, check=True)
    assert done.stdout == "(6, 6)\n"
    assert done.stderr.startswith("pocketsr: no cache folder is known")
    assert done.stderr.count("\n") == 1


@pytest.mark.usefixtures("cache")
def test_a_missing_compiler_is_a_clear_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from pocketsr.engine.codegen.target import host_target
    from pocketsr.engine.runtime.build import build_library

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

"""Checkpoints are whole, safe to read, and refused where they don't fit."""

from __future__ import annotations

import pickle
import random
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
import torch

from pocketsr.errors import UserError
from pocketsr.nets import SRNet, build
from pocketsr.train import Recipe
from pocketsr.train.checkpoint import load_checkpoint, load_network, load_weights, save_checkpoint
from pocketsr.train.devices import fabric_for
from pocketsr.train.folder import RunFolder
from pocketsr.train.state import check_state, load_optimiser


def _kept(path: Path, recipe: Recipe) -> SRNet:
    """A fresh network, kept at `path` as a run keeps its best."""
    torch.manual_seed(5)
    net = build(recipe.net.name, **recipe.net.config)
    save_checkpoint({"ema": net.state_dict(), "recipe": msgspec.to_builtins(recipe)}, path)
    return net


def test_a_network_comes_back_from_its_checkpoint_alone(tmp_path: Path, recipe: Callable[..., Recipe]) -> None:
    net = _kept(tmp_path / "best.pt", recipe())
    again = load_network(tmp_path / "best.pt")
    x = torch.rand(1, 1, 9, 7)
    assert torch.equal(again(x), net(x))
    assert not any(weight.requires_grad for weight in again.parameters())


def test_the_checkpoint_before_stays_when_writing_fails(
    tmp_path: Path, recipe: Callable[..., Recipe], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "last.pt"
    _kept(path, recipe())
    before = path.read_bytes()

    def full(self: Path, data: bytes) -> int:
        with self.open("wb") as file:
            file.write(data[:10])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(UserError, match="No space left on device; make room and go on with --resume"):
        save_checkpoint({"ema": {}, "recipe": {}}, path)
    assert path.read_bytes() == before


class _Evil:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return Path.touch, (Path("evil"),)  # type: ignore[return-value]


def test_nothing_in_a_checkpoint_is_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save({"ema": _Evil(), "recipe": {}}, "evil.pt")
    (tmp_path / "bare.pt").write_bytes(pickle.dumps(_Evil(), protocol=2))
    (tmp_path / "new.pt").write_bytes(pickle.dumps({"ema": _Evil()}, protocol=4))  # of which torch would also warn
    for name in ("evil.pt", "bare.pt", "new.pt"):
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            with pytest.raises(UserError, match="is no checkpoint, or a broken one"):
                load_checkpoint(Path(name))
        assert not warned
    assert not (tmp_path / "evil").exists()


def test_what_is_no_checkpoint(tmp_path: Path, recipe: Callable[..., Recipe]) -> None:
    with pytest.raises(UserError, match="no such checkpoint"):
        load_checkpoint(tmp_path / "none.pt")
    _kept(tmp_path / "cut.pt", recipe())
    (tmp_path / "cut.pt").write_bytes((tmp_path / "cut.pt").read_bytes()[:500])
    (tmp_path / "empty.pt").touch()
    for name in ("cut.pt", "empty.pt"):
        with pytest.raises(UserError, match=f"{name} is no checkpoint, or a broken one"):
            load_checkpoint(tmp_path / name)
    torch.save({"weights": torch.zeros(2)}, tmp_path / "other.pt")
    with pytest.raises(UserError, match="lacks the weights or the recipe"):
        load_checkpoint(tmp_path / "other.pt")


def test_weights_of_another_network_are_refused(tmp_path: Path, recipe: Callable[..., Recipe]) -> None:
    _kept(tmp_path / "best.pt", recipe())
    wider = build("pocket", layers=[{"channels": 5}, {"channels": 4}], expansion=4)
    with pytest.raises(UserError, match="holds another network than the recipe's net: "):
        load_weights(wider, load_checkpoint(tmp_path / "best.pt")["ema"], tmp_path / "best.pt")


def _run_state(net: SRNet, steps: int) -> dict[str, Any]:
    """What a run keeps in last.pt, of a run that has done `steps`."""
    optimiser = torch.optim.Adam(net.parameters())
    net(torch.rand(1, 1, 8, 8)).mean().backward()
    optimiser.step()
    return {
        "net": net.state_dict(), "ema": net.state_dict(), "optimiser": optimiser.state_dict(),
        "rng": torch.get_rng_state(), "step": steps, "best_step": 1, "best_psnr_db": 30.0, "seconds": 1.5,
        "sums": {"l1": torch.tensor(0.5)}, "summed": 1,
    }  # fmt: skip


def test_every_flipped_bit_is_found_or_harmless(tmp_path: Path, recipe: Callable[..., Recipe]) -> None:
    """A CRC-32 of each record is in the file; torch.load (2.13) doesn't look at it."""
    net, path = _kept(tmp_path / "best.pt", recipe()), tmp_path / "flipped.pt"
    whole, rng = (tmp_path / "best.pt").read_bytes(), random.Random(1)
    found = 0
    for _ in range(150):
        content = bytearray(whole)
        content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
        path.write_bytes(content)
        try:
            state = load_checkpoint(path)
        except UserError:
            found += 1
            continue
        assert all(torch.equal(state["ema"][name], weight) for name, weight in net.state_dict().items())
    assert found > 50


def test_damage_is_told_from_what_never_was_a_checkpoint(tmp_path: Path, recipe: Callable[..., Recipe]) -> None:
    _kept(tmp_path / "best.pt", recipe())
    content = bytearray((tmp_path / "best.pt").read_bytes())
    half = len(content) // 2
    content[half : half + 40] = bytes(byte ^ 255 for byte in content[half : half + 40])
    (tmp_path / "best.pt").write_bytes(content)
    with pytest.raises(UserError, match=r"is damaged: the checksum of .* is wrong; take a copy of it"):
        load_checkpoint(tmp_path / "best.pt")


def test_a_bomb_is_not_unpacked(tmp_path: Path, recipe: Callable[..., Recipe]) -> None:
    _kept(tmp_path / "best.pt", recipe())
    with (
        zipfile.ZipFile(tmp_path / "best.pt") as old,
        zipfile.ZipFile(tmp_path / "bomb.pt", "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for record in old.infolist():
            new.writestr(record.filename, old.read(record))
        new.writestr("archive/data/99", bytes(50_000_000))
    with pytest.raises(UserError, match="is damaged: the checksum of its index"):
        load_checkpoint(tmp_path / "bomb.pt")


def test_weights_that_are_no_numbers_are_refused(tmp_path: Path, recipe: Callable[..., Recipe]) -> None:
    net = _kept(tmp_path / "best.pt", recipe())
    broken = {name: torch.full_like(weight, float("nan")) for name, weight in net.state_dict().items()}
    with pytest.raises(UserError, match="no numbers"):
        load_weights(net, broken, tmp_path / "best.pt")


BAD_STATES: dict[str, tuple[Any, str]] = {
    "net": ([1], "its net is not tensors by name"),
    "optimiser": ([], "its optimiser is not"),
    "rng": (torch.zeros(3), "its rng is not"),
    "step": ("x", "its step is not a count"),
    "best_step": (-1, "its best_step is not a count"),
    "best_psnr_db": (float("nan"), "its best_psnr_db is not a number"),
    "seconds": (float("inf"), "its seconds is not a time"),
    "sums": ({"l1": torch.zeros(3)}, "its sums is not"),
    "summed": (True, "its summed is not a count"),
}


@pytest.mark.parametrize("key", BAD_STATES)
def test_a_state_that_no_run_can_go_on_from(tmp_path: Path, recipe: Callable[..., Recipe], key: str) -> None:
    state = _run_state(_kept(tmp_path / "best.pt", recipe()), 10)
    check_state(state, tmp_path / "last.pt", 10)
    value, said = BAD_STATES[key]
    with pytest.raises(UserError, match=said):
        check_state(state | {key: value}, tmp_path / "last.pt", 10)
    rest = {name: part for name, part in state.items() if name != key}
    if key in ("sums", "summed"):  # runs of before these were kept
        check_state(rest, tmp_path / "last.pt", 10)
        return
    with pytest.raises(UserError, match=f"it lacks {key}"):
        check_state(rest, tmp_path / "last.pt", 10)


def test_a_run_of_more_steps_than_the_recipe(tmp_path: Path, recipe: Callable[..., Recipe]) -> None:
    state = _run_state(_kept(tmp_path / "best.pt", recipe()), 11)
    with pytest.raises(UserError, match="stands at step 11, beyond the 10 of the recipe"):
        check_state(state, tmp_path / "last.pt", 10)


def test_an_optimiser_of_another_network(tmp_path: Path, recipe: Callable[..., Recipe]) -> None:
    net = _kept(tmp_path / "best.pt", recipe())
    state = _run_state(net, 1)["optimiser"]
    load_optimiser(torch.optim.Adam(net.parameters()), state, tmp_path / "last.pt")
    broken: list[dict[str, Any]] = [{"state": {}, "param_groups": []}, {}]
    for wrong in (*broken, {"state": 1, "param_groups": state["param_groups"]}):
        with pytest.raises(UserError, match="its optimiser is of another network or kind"):
            load_optimiser(torch.optim.Adam(net.parameters()), wrong, tmp_path / "last.pt")
    state["state"][0]["exp_avg"] = torch.zeros(1)
    with pytest.raises(UserError, match="its optimiser is of another network, or holds no numbers"):
        load_optimiser(torch.optim.Adam(net.parameters()), state, tmp_path / "last.pt")


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has an accelerator")
def test_an_accelerator_that_is_not_there_is_one_line(recipe: Callable[..., Recipe]) -> None:
    with pytest.raises(UserError, match="accelerator=gpu isn't available on this machine") as caught:
        fabric_for(recipe(accelerator="gpu").hardware())
    assert "\n" not in str(caught.value)


def test_a_run_killed_before_its_first_checkpoint_begins_again(tmp_path: Path, recipe: Callable[..., Recipe]) -> None:
    folder = RunFolder(tmp_path / "run", recipe())
    folder.create()
    (tmp_path / "run" / ".last.pocketsr-0123456789abcdef.part").write_text("half")
    folder.check_new()
    assert folder.reopen([]) is None
    (tmp_path / "run" / "notes.txt").write_text("of somebody else")
    for again in (folder.check_new, lambda: folder.reopen([])):
        with pytest.raises(UserError, match="is not empty"):
            again()


@pytest.mark.parametrize("name", ["tiny", "tiny-first", "small", "medium-first"])
def test_checkpoints_of_before_are_still_read(name: str) -> None:
    assert (
        load_network(Path(__file__).parents[2] / "checkpoints" / f"{name}.pt")(torch.rand(1, 1, 9, 7)).shape[-1] == 14
    )

"""Checkpoints are whole, safe to read, and refused where they don't fit."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
import torch

from pocketsr.errors import UserError
from pocketsr.nets import SRNet, build
from pocketsr.train import Recipe
from pocketsr.train.checkpoint import load_checkpoint, load_network, load_weights, save_checkpoint


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
    for name in ("evil.pt", "bare.pt"):
        with pytest.raises(UserError, match="is no checkpoint, or a broken one"):
            load_checkpoint(Path(name))
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

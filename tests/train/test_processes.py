"""Two processes with half of each batch are one process with all of it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import torch

from pocketsr.train import Recipe, dump_recipe, train
from pocketsr.train.checkpoint import load_checkpoint

# Each process runs this, and keeps its own weights beside the run.
SCRIPT = """
import sys
from pathlib import Path
import torch
from pocketsr.train import loop, parse_recipe, train

go, loop.draw = loop._Run.go, lambda _: None

def go_and_keep(self):
    outcome = go(self)
    learner = self._learner
    torch.save([learner.net.state_dict(), learner._average.state_dict()], f"rank{self._fabric.global_rank}.pt")
    return outcome

loop._Run.go = go_and_keep
if __name__ == "__main__":
    print("leads:", train(parse_recipe(Path(sys.argv[1])), Path("run")).leader)
"""


def test_two_processes_are_one(tmp_path: Path, recipe: Callable[..., Recipe]) -> None:
    changes = {"steps": 8, "losses": {"l1": 1.0, "distillation": 1.0}, "teacher": {"model": "bicubic"}}
    (tmp_path / "two.py").write_text(SCRIPT)
    (tmp_path / "probe.yaml").write_text(dump_recipe(recipe(**changes, devices=2)))
    done = subprocess.run(
        [sys.executable, "two.py", "probe.yaml"], cwd=tmp_path, env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert sorted(line for line in done.stdout.splitlines() if "leads" in line) == ["leads: False", "leads: True"]
    assert (tmp_path / "run" / "probe.onnx").exists()
    (net, average), (other, other_average) = (torch.load(tmp_path / f"rank{rank}.pt") for rank in (0, 1))
    train(recipe(**changes), tmp_path / "one")
    one = load_checkpoint(tmp_path / "one" / "last.pt")
    for name, weight in net.items():
        assert torch.equal(weight, other[name])
        assert torch.equal(average[name], other_average[name])
        # the mean of two means instead of one: rounding, which Adam may enlarge
        torch.testing.assert_close(weight, one["net"][name], atol=1e-5, rtol=0)

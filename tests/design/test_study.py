"""Studies: resumed, shared, and refused where they are of something else."""

from __future__ import annotations

from pathlib import Path

import pytest
from design_profiles import profile

pytest.importorskip("optuna")
pytest.importorskip("torch")
pytest.importorskip("lightning_fabric")

from pocketsr.design import study as studying
from pocketsr.design.candidate import Candidate
from pocketsr.design.probe import Probe, Probed
from pocketsr.design.rank import Limits
from pocketsr.design.space import read_space
from pocketsr.design.study import best_of, open_study, run_trials
from pocketsr.errors import UserError

SPACE = """
name: little
families:
  - {kind: pocket, label: dense, depth: [2, 3, 4], width: [4, 8, 12]}
  - {kind: ecbsr, depth: [3], width: [4, 8]}
"""


class _Prober:
    """Wider is better, and nothing is built."""

    asked: list[str] = []  # noqa: RUF012

    def __init__(self, *_: object) -> None: ...

    def __call__(self, candidate: Candidate) -> Probed:
        self.asked.append(candidate.name)
        return Probed(candidate.name, 1.0, {"params": float(candidate.width)})


@pytest.fixture
def little(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(studying, "Prober", _Prober)
    monkeypatch.setattr(_Prober, "asked", [])
    (tmp_path / "space.yaml").write_text(SPACE)
    return tmp_path


def _run(little: Path, trials: int, limits: Limits = Limits()) -> list[tuple[str, float]]:  # noqa: B008
    space = read_space(little / "space.yaml")
    study = open_study(str(little / "study.db"), space, limits)
    run_trials(study, space, profile(products=1.0), limits, little, Probe(), trials)
    return best_of(study, 100)


def test_a_study_goes_on_where_it_stopped(little: Path) -> None:
    _run(little, 5)
    best = _run(little, 10)
    assert best[0][1] == 12.0
    assert {name for name, _ in best} <= {c.name for c in read_space(little / "space.yaml").candidates()}
    assert [value for _, value in best] == sorted((value for _, value in best), reverse=True)
    assert len(open_study(str(little / "study.db"), read_space(little / "space.yaml"), Limits()).trials) == 15
    assert len(_Prober.asked) == 15


def test_what_is_beyond_the_limits_is_never_probed(little: Path) -> None:
    limits = Limits(max_params=700)
    best = _run(little, 15, limits)
    allowed = {c.name for c in read_space(little / "space.yaml").candidates() if c.chain().params <= 700}
    assert set(_Prober.asked) <= allowed
    assert {name for name, _ in best} == set(_Prober.asked)
    assert len(_Prober.asked) < 15


def test_a_study_of_another_space_is_refused(little: Path) -> None:
    _run(little, 1)
    with pytest.raises(UserError, match="created for another space or other limits"):
        _run(little, 1, Limits(max_params=5))
    (little / "space.yaml").write_text(SPACE.replace("12]", "16]"))
    with pytest.raises(UserError, match="created for another space or other limits"):
        _run(little, 1)
    (little / "study.db").write_text("no database")
    with pytest.raises(UserError, match="can't be opened as a study"):
        _run(little, 1)

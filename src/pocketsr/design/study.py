"""A space too large to look at whole: Optuna asks for candidates, probes answer, and a file remembers.

Any number of processes may work on one study: they meet in its SQLite file, or in whatever Optuna takes as storage.
Ray spreads the same processes over a cluster. The space file stays the same.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import optuna

from pocketsr.design.candidate import Candidate
from pocketsr.design.probe import Probe, Probed, Prober
from pocketsr.design.profile import Profile
from pocketsr.design.rank import Limits, evaluate
from pocketsr.design.space import Family, Space
from pocketsr.errors import UserError

__all__ = ["best_of", "open_study", "run_on_ray", "run_trials"]

_AXES = ("scale", "size", "precision")


def open_study(storage: str, space: Space, limits: Limits, seed: int = 0) -> optuna.Study:
    """The study of `space` within `limits` in `storage` (a path of a SQLite file, or a URL), made where there is none.

    Raises UserError where it was created for another space or other limits.
    """
    url = storage if "://" in storage else f"sqlite:///{Path(storage).resolve()}"
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    asked = msgspec.json.encode([space_values(space), vars(limits)]).decode()
    try:
        study = optuna.create_study(storage=url, study_name=space.name, direction="maximize", load_if_exists=True)
        trials = len(study.get_trials(deepcopy=False))
    except Exception as error:  # of SQLAlchemy and its drivers, which are many
        raise UserError(f"{storage} can't be opened as a study: {str(error).splitlines()[0]}") from error
    study.sampler = optuna.samplers.TPESampler(seed=seed + trials)
    known = study.user_attrs.get("space")
    if known is None:
        study.set_user_attr("space", asked)
    elif known != asked:
        raise UserError(f"{storage} was created for another space or other limits: name another file")
    return study


def space_values(space: Space) -> dict[str, Any]:
    """The space as plain values, families with their kinds."""
    families = [{"kind": type(family).kind, **msgspec.to_builtins(family)} for family in space.families]
    return {**msgspec.to_builtins(space), "families": families}


def run_trials(
    study: optuna.Study, space: Space, profile: Profile, limits: Limits, folder: Path, probe: Probe, trials: int,
    tell: Callable[[Probed], None] = lambda _: None,
) -> None:  # fmt: skip
    """`trials` more of the study, in this process. What doesn't fit the limits by its prediction costs no probe.

    A probe that another process or an earlier run has made in `folder` is taken as it is. Ctrl-C ends the trial, which
    then counts for nothing.
    """
    prober = Prober(folder, probe)

    def objective(trial: optuna.Trial) -> float:
        candidate = _asked(trial, space)
        if (
            candidate is None
            or not candidate.probed(trained=bool(probe.data))
            or not evaluate([candidate], profile, limits)
        ):
            raise optuna.TrialPruned
        trial.set_user_attr("name", candidate.name)
        found = prober(candidate)
        tell(found)
        value = found.psnr_db if probe.data else found.scores["params"]
        assert value is not None
        return value

    study.optimize(objective, n_trials=trials)


def best_of(study: optuna.Study, count: int) -> list[tuple[str, float]]:
    """Names and values of the best trials, each network once."""
    found: dict[str, float] = {}
    for trial in study.get_trials(deepcopy=False, states=[optuna.trial.TrialState.COMPLETE]):
        assert trial.value is not None
        found[trial.user_attrs["name"]] = trial.value
    return sorted(found.items(), key=lambda item: -item[1])[:count]


def _asked(trial: optuna.Trial, space: Space) -> Candidate | None:
    """The candidate that the trial's parameters name; None where they don't fit each other."""
    number = trial.suggest_int("family", 0, len(space.families) - 1) if len(space.families) > 1 else 0
    family = space.families[number]
    axes = {axis: _pick(trial, axis, getattr(space, axis)) for axis in _AXES}
    chosen = {
        field: (_pick(trial, f"{number}.{field}", getattr(family, field)),)
        for field in family.__struct_fields__
        if field != "label"
    }
    one: Family = msgspec.structs.replace(family, **chosen)
    return next(iter(one.candidates(**axes)), None)


def _pick(trial: optuna.Trial, name: str, values: tuple[Any, ...]) -> Any:
    """One of `values`, by its place: places are ordered as the space file orders them."""
    return values[trial.suggest_int(name, 0, len(values) - 1)] if len(values) > 1 else values[0]


def run_on_ray(
    storage: str, space: Space, profile: Profile, limits: Limits, folder: Path, probe: Probe, trials: int,
    workers: int, address: str | None = None,
) -> None:  # fmt: skip
    """`trials` shared by `workers` on a Ray cluster (None: one is started here); all see `storage` and `folder`.

    Raises UserError where Ray is missing.
    """
    try:
        import ray
    except ModuleNotFoundError as error:
        raise UserError("--ray needs ray: pip install 'pocketsr[ray]'") from error
    ray.init(address=address, log_to_driver=False)
    try:

        def work(share: int, seed: int) -> None:
            run_trials(open_study(storage, space, limits, seed), space, profile, limits, folder, probe, share)

        far: Any = ray.remote(num_cpus=1)(work)
        open_study(storage, space, limits)  # made once, before all look for it
        shares = [trials // workers + (i < trials % workers) for i in range(workers)]
        ray.get([far.remote(share, seed) for seed, share in enumerate(shares) if share])
    finally:
        ray.shutdown()

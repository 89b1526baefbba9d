"""Bayesian search of hyperparameters: many searches in lockstep, on disk, resumable.

The Gaussian-process sampler of Optuna stands for the ``gp_minimize`` of the papers. All searches of
a protocol (e.g. one an outer fold) advance together, so that the candidates of a round are
evaluated as one batch.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pandas as pd
from optuna.distributions import BaseDistribution, FloatDistribution, IntDistribution

from helpers.errors import DataError, ParameterError
from helpers.evaluation.space import Float, Integer, Space
from helpers.sealed import read_sealed, write_sealed

__all__ = ["Float", "Integer", "SearchResult", "Space", "search"]

Candidate = tuple[int, dict[str, Any]]


@dataclass(frozen=True, eq=False)
class SearchResult:
    """Outcome of one search.

    Attributes
    ----------
    name : str
    params : dict
        Hyperparameters of the best candidate (the first of equals).
    value : float
        Its value.
    trials : DataFrame
        One row a candidate in the order tried: ``trial``, ``value`` and one column a
        hyperparameter.
    """

    name: str
    params: dict[str, Any]
    value: float
    trials: pd.DataFrame


def search(
    evaluate: Callable[[list[Candidate]], Sequence[float]],
    space: Space,
    names: Sequence[str],
    n_trials: int = 20,
    n_startup: int = 3,
    seed: int = 0,
    storage: str | Path | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> list[SearchResult]:
    """Maximise ``evaluate`` over ``space``, once for each search, all in lockstep.

    Candidate ``t`` of a search depends only on the seed, the search's name, ``t``, and the values of
    that search so far: neither the other searches nor an interruption changes it. The first
    ``n_startup`` candidates are random; the rest maximise the expected improvement.

    Parameters
    ----------
    evaluate : callable
        Gets one candidate a search, ``[(position of the search, hyperparameters), ...]``, and returns
        their values in that order. It must be deterministic.
    space : dict
        Name -> :class:`Integer` or :class:`Float`.
    names : sequence of str
        Names of the searches, unique.
    n_trials, n_startup : int
        Candidates a search, and how many of them are random (published: 20 and 3).
    seed : int
    storage : path, optional
        Sealed file. Finished rounds are read back from it, so that a killed search goes on and ends as
        if it had not been interrupted; a round that was not finished is evaluated again as a whole, and
        all of them where the file is damaged. A larger ``n_trials`` prolongs a stored search.
    progress : callable, optional
        Called with (rounds done, rounds in all) after each round.

    Returns
    -------
    list of SearchResult, in the order of ``names``

    Raises
    ------
    ParameterError
        If names repeat, a number is out of range, or ``storage`` holds searches with other names, another
        space, seed or number of random candidates.
    DataError
        If ``evaluate`` returns another number of values than it got candidates, or NaN or infinity.
    """
    _check(space, names, n_trials, n_startup)
    with _quiet_optuna():
        distributions = {name: _distribution(axis) for name, axis in space.items()}
        # Candidates come from Optuna studies in memory; the journal only keeps what is finished. So neither a
        # killed search nor a damaged file leaves anything behind that would influence the sampler.
        live = [optuna.create_study(direction="maximize", study_name=name) for name in names]
        journal = None if storage is None else _Journal(Path(storage), space, names, n_startup, seed)
        if journal is not None:
            for place, study in enumerate(live):
                study.add_trials(journal.trials(place, distributions, n_trials))

        for number in range(len(live[0].get_trials(deepcopy=False)), n_trials):
            asked = []
            for study in live:
                study.sampler = optuna.samplers.GPSampler(
                    seed=_trial_seed(seed, study.study_name, number), n_startup_trials=n_startup
                )
                asked.append(study.ask(distributions))
            values = list(evaluate([(i, dict(trial.params)) for i, trial in enumerate(asked)]))
            _check_values(values, asked, names)
            for study, trial, value in zip(live, asked, values, strict=True):
                study.tell(trial, float(value))
            if journal is not None:
                journal.append([trial.params for trial in asked], values)
            if progress is not None:
                progress(number + 1, n_trials)
        return [_result(study, space) for study in live]


class _Journal:
    """Finished rounds of all searches in a sealed file of JSON."""

    def __init__(self, path: Path, space: Space, names: Sequence[str], n_startup: int, seed: int) -> None:
        self._path = path
        axes = {name: [type(axis).__name__, asdict(axis)] for name, axis in space.items()}
        settings = {"space": axes, "names": list(names), "n_startup": n_startup, "seed": seed}
        self._content: dict[str, Any] = {"settings": settings, "rounds": []}
        if (found := read_sealed(path)) is not None:
            self._content = json.loads(found)
        if self._content["settings"] != settings:
            msg = (
                f"{path} holds searches with other settings ({self._content['settings']}); "
                "remove the file or choose another"
            )
            raise ParameterError(msg)

    def trials(
        self, place: int, distributions: Mapping[str, BaseDistribution], most: int
    ) -> list[optuna.trial.FrozenTrial]:
        """Return the finished trials of one search."""
        return [
            optuna.trial.create_trial(params=params, distributions=dict(distributions), value=value)
            for params, value in (tried[place] for tried in self._content["rounds"][:most])
        ]

    def append(self, candidates: Sequence[Mapping[str, Any]], values: Sequence[float]) -> None:
        """Keep one round, a candidate and a value a search."""
        self._content["rounds"].append([[dict(c), float(v)] for c, v in zip(candidates, values, strict=True)])
        write_sealed(self._path, json.dumps(self._content).encode())


@contextlib.contextmanager
def _quiet_optuna() -> Iterator[None]:
    """Keep Optuna from logging each new study and trial."""
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        yield
    finally:
        optuna.logging.set_verbosity(before)


def _trial_seed(seed: int, study: str, number: int) -> int:
    digest = hashlib.sha256(f"{seed}|{study}|{number}".encode()).digest()
    return int.from_bytes(digest[:4], "little")


def _distribution(axis: Integer | Float) -> BaseDistribution:
    if isinstance(axis, Integer):
        return IntDistribution(axis.low, axis.high)
    return FloatDistribution(axis.low, axis.high, log=axis.log)


def _result(study: optuna.Study, space: Space) -> SearchResult:
    trials = study.get_trials(deepcopy=False)
    table = pd.DataFrame([trial.params for trial in trials], columns=list(space))
    table.insert(0, "trial", range(len(trials)))
    table.insert(1, "value", [trial.value for trial in trials])
    best = int(np.argmax(table["value"]))
    return SearchResult(study.study_name, dict(trials[best].params), float(table["value"][best]), table)


def _check(space: Space, names: Sequence[str], n_trials: int, n_startup: int) -> None:
    if not names or len(set(names)) < len(names):
        msg = f"names of the searches must be unique and at least one; got {list(names)}"
        raise ParameterError(msg)
    if not 1 <= n_startup <= n_trials:
        msg = f"1 <= n_startup <= n_trials is needed; got n_startup={n_startup}, n_trials={n_trials}"
        raise ParameterError(msg)
    for name, axis in space.items():
        if not axis.low <= axis.high or (getattr(axis, "log", False) and axis.low <= 0):
            msg = f"hyperparameter {name!r} has an impossible range: {axis}"
            raise ParameterError(msg)
    if not space:
        msg = "the space has no hyperparameter"
        raise ParameterError(msg)


def _check_values(values: list[float], trials: list[optuna.Trial], names: Sequence[str]) -> None:
    if len(values) != len(trials):
        msg = f"evaluate got {len(trials)} candidates and returned {len(values)} values"
        raise DataError(msg)
    for value, trial, name in zip(values, trials, names, strict=True):
        if not np.isfinite(value):
            msg = f"evaluate returned {value} in search {name!r}, candidate {trial.number}: {trial.params}"
            raise DataError(msg)

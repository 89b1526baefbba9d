"""Run scDEAL on tasks and score it; :mod:`helpers.studies.scdeal.simple` scores its rivals alike.

Not a list of folds of :mod:`helpers.evaluation.protocol`: a fold promises that nothing but its training rows
is seen, while transfer learns from the unlabelled cells that it scores; lines and cells are rows of two
tables with genes of their own; and yardsticks look at labels of the scored cells.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any

import numpy as np
import pandas as pd

from helpers.bounds import check_number
from helpers.checks import check_columns, check_names, refuse
from helpers.errors import DataError
from helpers.studies.scdeal.metrics import cell_metrics
from helpers.studies.scdeal.model import ScDEAL, cell_clusters, fit_many
from helpers.studies.scdeal.oracles import cluster_means
from helpers.studies.scdeal.tasks import TransferTask

#: The published grid of one bulk source: 160 settings. Beside it were searched three sources of bulk lines
#: (480 settings in all) and a learning rate that the public code does not use.
GRID: dict[str, tuple] = {
    "bottleneck": (32, 64, 128, 256, 512),
    "sampling": (None, "up", "down", "SMOTE"),
    "encoder": ((256, 128), (512, 256)),
    "predictor": ((128, 64), (256, 128)),
    "dropout": (0.1, 0.3),
}

#: Parts that can be switched off.
REMOVED: dict[str, dict[str, Any]] = {
    "no clusters": {"cluster_weight": 0.0},
    "no MMD": {"mmd_weight": 0.0},
    "plain autoencoder": {"denoising": False},
}
#: Single changes of the faithful reading, most of them to the described one.
CHANGES: dict[str, dict[str, Any]] = {
    "shared genes": {"genes": "shared"},
    "shared genes, start from bulk": {"genes": "shared", "cell_start": "bulk"},
    "kernel mixture": {"kernel": "mixture"},
    "clusters of embeddings": {"regulariser": "bottleneck"},
    "clean target": {"denoising_target": "clean"},
    "all adapted": {"adapt": "all"},
    "loss of logits": {"loss": "logits"},
    "prediction in training mode": {"prediction": "train"},
    "predictor alone resampled": {"resampled": "predictor"},
    "MMD weight 1": {"mmd_weight": 1.0},
    "cluster weight 10": {"cluster_weight": 10.0},
}


@dataclass(frozen=True, eq=False)
class TransferRuns:
    """Runs of scDEAL.

    Attributes
    ----------
    table : DataFrame
        One row a run: ``task``, ``dataset``, ``drug``, ``cell_set``, ``setting``, ``seed``, ``bulk_loss``,
        ``bulk_auroc``, ``transfer_loss``, ``mmd_before``, ``mmd_after``, the metrics of
        :func:`helpers.studies.scdeal.metrics.cell_metrics` after transfer and, as ``before <metric>``,
        before it; ``evaluated before <metric>`` is that with the predictor in evaluation mode, as after.
    scores : dict
        (task, setting, seed) to array (cells, 2), the two outputs after transfer.
    """

    table: pd.DataFrame
    scores: dict[tuple[str, str, int], np.ndarray] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_columns(self.table, ("task", "setting"), "TransferRuns", "table")

    @classmethod
    def join(cls, parts: Sequence[TransferRuns]) -> TransferRuns:
        """Put several tables of runs together.

        Raises
        ------
        DataError
            If there is none.
        """
        if not parts:
            refuse("TransferRuns", "there are no runs: no task, no setting or no seed was asked for")
        scores = {key: value for one in parts for key, value in one.scores.items()}
        return cls(pd.concat([one.table for one in parts], ignore_index=True), scores)

    def outputs(self, task: str, setting: str, seed: int) -> np.ndarray:
        """Return the two outputs (cells, 2) of a run after transfer.

        Raises
        ------
        DataError
            If there is no such run.
        """
        if (task, setting, seed) not in self.scores:
            refuse("TransferRuns", f"no scores of task {task!r}, setting {setting!r}, seed {seed!r}")
        return self.scores[task, setting, seed]

    def pick(self, settings: Sequence[str]) -> TransferRuns:
        """Return the runs of these settings only.

        Raises
        ------
        DataError
            If a setting was not run.
        """
        unknown = [
            name for name in check_names(settings, "settings") if name not in set(self.table["setting"])
        ]
        if unknown:
            msg = f"no run of the setting(s) {unknown}; there are {list(self.table['setting'].unique())}"
            raise DataError(msg)
        table = self.table[self.table["setting"].isin(settings)].reset_index(drop=True)
        return TransferRuns(table, {key: s for key, s in self.scores.items() if key[1] in settings})


def grid_settings(
    bottlenecks: str, samplings: str, base: Mapping[str, Any], *, whole: bool = False
) -> dict[str, dict[str, Any]]:
    """Name a part of the published grid: sizes of the embedding times ways of balancing the bulk lines.

    Parameters
    ----------
    bottlenecks, samplings : str
        Separated by commas; the sampling ``none`` leaves the lines as they are.
    base : mapping
        What all settings share.
    whole : bool
        Add the widths of encoder and predictor and the dropout of the grid, over those of ``base``.

    Returns
    -------
    dict
        Name to keyword arguments of ``ScDEAL``.

    Raises
    ------
    DataError
        If a value is no number where one belongs, or not in the published grid.
    """
    if not isinstance(bottlenecks, str) or not isinstance(samplings, str):
        refuse(
            "grid_settings", f"expected texts, values separated by commas; got {bottlenecks!r}, {samplings!r}"
        )
    kinds = [None if kind == "none" else kind for kind in samplings.split(",")]
    try:
        sizes = [int(size) for size in bottlenecks.split(",")]
    except ValueError:
        refuse("grid_settings", f"sizes of the embedding must be whole numbers, got {bottlenecks!r}")
    chosen: dict[str, list] = {"bottleneck": sizes, "sampling": kinds}
    for name, values in chosen.items():
        outside = [value for value in values if value not in GRID[name]]
        if outside:
            msg = f"{name} {outside} is not in the published grid {GRID[name]}"
            raise DataError(msg)
    chosen |= {name: list(GRID[name]) for name in ("encoder", "predictor", "dropout") if whole}
    settings = {}
    for picked in product(*chosen.values()):
        own = dict(zip(chosen, picked, strict=True))
        name = ", ".join(str(value or "none") for value in picked)
        settings[name] = {**base, **own}
    return settings


def check_seeds(seeds: Sequence[int]) -> None:
    """Refuse what are no seeds, or none."""
    if isinstance(seeds, str) or not hasattr(seeds, "__len__") or not len(seeds):
        refuse("seeds", f"expected whole numbers, one at least; got {seeds!r}")
    for seed in seeds:
        check_number("a seed", seed, 0, whole=True)


def make_estimator(setting: Mapping[str, Any], seed: int, device: str) -> ScDEAL:
    """Build the estimator of a setting, keyword arguments of ``ScDEAL``.

    Raises
    ------
    DataError
        If a name is unknown, or is that of the seed or the device.
    """
    unknown = sorted(set(setting) - (set(ScDEAL().get_params()) - {"random_state", "device"}))
    if unknown:
        refuse("ScDEAL", f"a setting cannot name {', '.join(unknown)}")
    return ScDEAL(**setting, random_state=seed, device=device)


def run_scdeal(
    tasks: Sequence[TransferTask],
    settings: Mapping[str, Mapping[str, Any]],
    seeds: Sequence[int],
    *,
    device: str = "auto",
    n_jobs: int = 1,
) -> TransferRuns:
    """Fit every setting to every task at every seed and score before and after transfer.

    Parameters
    ----------
    tasks : sequence of TransferTask
        Tasks on the same cells share the autoencoder of the cells.
    settings : mapping of name to keyword arguments of ``ScDEAL``
    seeds : sequence of int
    device : str
    n_jobs : int
        Threads.

    Returns
    -------
    TransferRuns

    Raises
    ------
    DataError
        If there is no task, setting or seed, or a setting has an unknown name; and as :meth:`ScDEAL.fit`.
    """
    check_seeds(seeds)
    if not isinstance(tasks, Sequence) or not tasks or not isinstance(settings, Mapping) or not settings:
        refuse("run_scdeal", "needs a list of tasks and settings by name, one of each at least")
    keys = [(task, name, seed) for task in tasks for name in settings for seed in seeds]
    jobs = [
        (
            make_estimator(settings[name], seed, device),
            task.bulk_x,
            task.bulk_sensitive,
            task.cells_x,
        )
        for task, name, seed in keys
    ]
    fits = fit_many(jobs, n_jobs=n_jobs)
    rows, scores = [], {}
    for (task, name, seed), fit in zip(keys, fits, strict=True):
        y = task.cells_sensitive
        stages = {"before ": fit.before, "evaluated before ": fit.evaluated_before, "": fit.after}
        found = [(prefix, answer_metrics(y, scores)) for prefix, scores in stages.items()]
        rows.append(
            {
                **about(task, name, seed),
                "bulk_loss": fit.bulk_validation_loss,
                "bulk_auroc": fit.bulk_test_auroc,
                "transfer_loss": fit.validation_loss,
                "mmd_before": fit.mmd_before,
                "mmd_after": fit.mmd_after,
                **{prefix + metric: value for prefix, own in found for metric, value in own.items()},
            }
        )
        scores[task.name, name, seed] = fit.after.astype(np.float32)
    return TransferRuns(pd.DataFrame(rows), scores)


@dataclass(frozen=True)
class Part:
    """Settings that are run on tasks at seeds of their own."""

    tasks: Sequence[TransferTask]
    settings: Mapping[str, Mapping[str, Any]]
    seeds: Sequence[int]


def plan(
    tasks: Sequence[TransferTask],
    settings: Mapping[str, Mapping[str, Any]],
    seeds: Sequence[int],
    few: Sequence[int],
    first: Sequence[int] = (),
) -> dict[str, Part]:
    """Plan all runs of a reading: its grid, the first setting with each part of :data:`REMOVED`, and changed.

    Parameters
    ----------
    tasks, settings, seeds
        Of the grid.
    few : sequence of int
        Seeds of ``removed``.
    first : sequence of int
        Seeds of ``changed`` (:data:`CHANGES`); none for no changes. Some changes need shared genes, so that
        tasks without any are left out.
    """
    if not settings:
        refuse("plan", "there is no setting")
    default = next(iter(settings.values()))
    removed = {name: {**default, **change} for name, change in REMOVED.items()}
    parts = {"grid": Part(tasks, settings, seeds), "removed": Part(tasks, removed, few)}
    if first:
        changed = {name: {**default, **change} for name, change in CHANGES.items()}
        parts["changed"] = Part([task for task in tasks if task.shared], changed, first)
    return parts


def run_together(
    parts: Mapping[str, Part],
    label: str,
    *,
    run: Callable[..., TransferRuns] = run_scdeal,
    progress: Callable[[list[str], str], Iterable[str]] = lambda sets, label: sets,
) -> dict[str, TransferRuns]:
    """Run parts in common calls: a stage of training that their settings share is then trained once.

    One set of cells follows the other: with a cached ``run`` a killed run resumes after the last call.

    Parameters
    ----------
    parts : mapping of name to Part
        Those on one set of cells have the same tasks, and equal names of settings mean the same.
    label : str
        What is run, for the report of progress.
    run : callable
        :func:`run_scdeal`, perhaps cached.
    progress : callable
        ``progress(sets, label)`` yields the sets.
    """
    found: dict[str, list[TransferRuns]] = {name: [] for name in parts}
    seeds = dict.fromkeys(seed for part in parts.values() for seed in part.seeds)
    sets = list(dict.fromkeys(task.cell_set for part in parts.values() for task in part.tasks))
    for cell_set in progress(sets, label):
        own = {
            name: [task for task in part.tasks if task.cell_set == cell_set] for name, part in parts.items()
        }
        calls: dict[tuple[str, ...], list[int]] = {}
        for seed in seeds:
            asked = tuple(name for name, part in parts.items() if own[name] and seed in part.seeds)
            calls.setdefault(asked, []).append(seed)
        for asked, at in calls.items():
            if asked:
                every = {key: value for name in asked for key, value in parts[name].settings.items()}
                runs = run(own[asked[0]], every, at)
                for name in asked:
                    found[name].append(runs.pick(list(parts[name].settings)))
    return {name: TransferRuns.join(runs) for name, runs in found.items()}


def run_by_set(
    tasks: Sequence[TransferTask],
    settings: Mapping[str, Mapping[str, Any]],
    seeds: Sequence[int],
    label: str,
    **how: Any,
) -> TransferRuns:
    """Run one part alone: :func:`run_together`, whose keywords it takes."""
    return run_together({label: Part(tasks, settings, seeds)}, label, **how)[label]


def clusters(task: TransferTask) -> np.ndarray:
    """Leiden clusters of the task's cells at the published resolution."""
    return cell_clusters(task.cells_x.to_numpy())


def averaged_in_clusters(task: TransferTask, runs: TransferRuns) -> pd.DataFrame:
    """Score runs again after averaging both outputs within Leiden clusters; same table, metrics replaced."""
    labels = clusters(task)
    rows = []
    for row in runs.table[runs.table["task"] == task.name].to_dict("records"):
        scores = runs.outputs(task.name, row["setting"], row["seed"])
        smooth = np.column_stack([cluster_means(column, labels) for column in scores.T])
        rows.append({**row, **answer_metrics(task.cells_sensitive, smooth)})
    return pd.DataFrame(rows)


def about(task: TransferTask, setting: str, seed: int) -> dict[str, Any]:
    """Say of a row of results what it belongs to."""
    return {
        "task": task.name,
        "dataset": task.dataset,
        "drug": task.drug,
        "cell_set": task.cell_set,
        "setting": setting,
        "seed": seed,
    }


def answer_metrics(y: np.ndarray, outputs: np.ndarray) -> dict[str, float]:
    """Score outputs (cells, 2): the second ranks, the larger one answers."""
    if np.ndim(outputs) != 2 or np.shape(outputs)[1] != 2:
        refuse("answer_metrics", f"needs two outputs a cell; got shape {np.shape(outputs)}")
    return cell_metrics(y, outputs[:, 1], outputs.argmax(axis=1))

"""The paper's next step: drug response from expression before and predicted expression after treatment."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from sklearn.linear_model import RidgeCV

from helpers.bounds import check_number
from helpers.checks import as_numbers, check_records, check_same_rows, refuse
from helpers.data.pair_types import PerturbationPairs
from helpers.data.types import BulkPanel
from helpers.errors import DataError
from helpers.evaluation.protocol import Fold, Model, Progress, run
from helpers.studies.pertvae.models import fit_pertvae
from helpers.studies.pertvae.protocol import line_folds, make_task
from helpers.studies.pertvae.statistics import bootstrap_mean

MEAN, BEFORE = "mean of the lines", "before"
PREDICTED, MEASURED = "before and predicted change", "before and measured change"
_PENALTIES = 10.0 ** np.arange(-3, 3)


@dataclass(frozen=True, eq=False)
class LabelledPairs:
    """One pair a line of one drug, and the line's response.

    Attributes
    ----------
    pairs : PerturbationPairs
        Replicates averaged.
    response : array (pairs,)
        ln IC50 (uM).

    Raises
    ------
    DataError
        If the response is not one finite number a pair, in their order, or a line has two pairs.
    """

    pairs: PerturbationPairs
    response: np.ndarray

    def __post_init__(self) -> None:
        if not isinstance(self.pairs, PerturbationPairs):
            refuse("LabelledPairs", f"pairs must be PerturbationPairs, got {type(self.pairs).__name__}")
        name = self.pairs.name
        check_same_rows(self.pairs.pairs, self.response, name)
        found = as_numbers(self.response, f"{name}, response", finite=True).shape
        if not isinstance(self.response, np.ndarray) or found != (len(self.pairs.pairs),):
            refuse(name, f"response must be an array of {len(self.pairs.pairs)} numbers; got shape {found}")
        if self.pairs.pairs["line"].duplicated().any():
            refuse(name, "a line has two pairs", "average its replicates first")


def label_pairs(
    data: PerturbationPairs, drug: str, panel: BulkPanel, label: str, seed: int = 0
) -> LabelledPairs:
    """Give the lines of a drug the response that a panel has for them.

    Parameters
    ----------
    data : PerturbationPairs
        Where it is simulated, the response is drawn: the mean change of a line, and noise of half its spread.
    drug : str
        Of ``data``.
    panel : BulkPanel
        Its ``lines["name"]`` are stripped names, as L1000 writes them.
    label : str
        Of the panel's drugs; it may be another compound with the same target.
    seed : int

    Raises
    ------
    DataError
        If fewer than ten lines have a response, or the seed is no whole number.
    """
    check_number("seed", seed, 0, whole=True)
    of_drug = data.of_drug(drug)
    lines = of_drug.pairs["line"]
    first = ~lines.duplicated()
    averaged = {
        part: getattr(of_drug, part).groupby(lines.to_numpy(str)).transform("mean")[first]
        for part in ("pre", "post")
    }
    single = replace(of_drug, **averaged, pairs=of_drug.pairs[first])
    names = single.pairs["line"]
    if data.tier == "simulated":
        strength = single.change.mean(axis=1).to_numpy(float)
        noise = np.random.default_rng(seed).normal(0, strength.std() / 2, len(strength))
        return LabelledPairs(single, strength + noise)
    if label not in panel.response:
        msg = f"the panel has no response to {label!r}"
        raise DataError(msg)
    values = panel.response[label].set_axis(panel.lines["name"])
    values = values[~values.index.duplicated(keep=False)].dropna()
    known = names.isin(values.index).to_numpy()
    if known.sum() < 10:
        msg = f"{known.sum()} lines of {drug} have a response to {label}; ten are needed"
        raise DataError(msg)
    return LabelledPairs(single.subset(known), values.loc[names[known]].to_numpy(float))


def predict_response(
    data: LabelledPairs,
    settings: Mapping[str, Any],
    *,
    n_repeats: int = 1,
    at_most: int | None = None,
    seed: int = 0,
    n_jobs: int = 1,
    progress: Progress | None = None,
) -> pd.DataFrame:
    """Predict the response of left-out lines by ridge regression on four sets of inputs.

    Inputs: none (the mean of the known lines); the profile before treatment; this and PertVAE's predicted
    change; this and the measured change, which is what a perfect prediction would give. The predicted
    change is a function of the profile before: it can bring out what is there, and add nothing that is not.

    Parameters
    ----------
    data : LabelledPairs
    settings : mapping
        Of PertVAE, which is fitted anew in every fold.
    n_repeats, at_most, seed
        See :func:`helpers.studies.pertvae.protocol.line_folds`.
    n_jobs, progress
        See :func:`helpers.evaluation.protocol.run`.

    Returns
    -------
    DataFrame
        ``model``, ``line``, ``value``: absolute error (ln uM), mean over repeats.
    """
    lines = data.pairs.pairs["line"].to_numpy(str)
    folds = line_folds(lines, n_repeats=n_repeats, seed=seed, at_most=at_most)
    model = Model("response", _ResponseFits(dict(settings)))
    errors = run(data, folds, [model], _absolute_errors, n_jobs=n_jobs, progress=progress)
    return errors.groupby(["model", "line"], sort=False)["value"].mean().reset_index()


def compare_inputs(errors: pd.DataFrame, n_boot: int = 2000, seed: int = 0) -> pd.DataFrame:
    """Mean error of each set of inputs, and its difference to the profile before treatment alone.

    Returns
    -------
    DataFrame
        ``what`` (the inputs, or "<inputs> minus before"), ``value``, ``low``, ``high`` (bootstrap over
        lines), ``n`` lines, ``unit``. A negative difference is a gain.
    """
    check_records(errors, ("line", "model"), ("value",), "errors")
    missing = {MEAN, BEFORE, PREDICTED, MEASURED} - set(errors["model"])
    if missing or errors.duplicated(["line", "model"]).any():
        refuse("errors", f"no error of {sorted(missing)}" if missing else "a line stands twice")
    wide = errors.pivot_table("value", "line", "model", sort=False)
    columns: dict[str, tuple[pd.Series, str | None]] = {
        name: (wide[name], None) for name in (MEAN, BEFORE, PREDICTED, MEASURED)
    }
    columns |= {
        f"{name} minus {BEFORE}": (wide[name] - wide[BEFORE], "difference")
        for name in (MEAN, PREDICTED, MEASURED)
    }
    rows = []
    for what, (values, unit) in columns.items():
        mean = bootstrap_mean(values.to_numpy(), n_boot, seed)
        rows.append((what, mean.difference, mean.low, mean.high, mean.n, unit))
    return pd.DataFrame(rows, columns=["what", "value", "low", "high", "n", "unit"])


@dataclass(frozen=True)
class _ResponseFits:
    settings: dict[str, Any]

    def __call__(self, data: LabelledPairs, folds: Sequence[Fold]) -> Iterator[dict[str, np.ndarray]]:
        for fold in folds:
            task = make_task(data.pairs, fold)
            model = fit_pertvae(task, self.settings, fold.seed)
            pre, post, _ = task.known()
            after = task.scaler(data.pairs.post.to_numpy(float)[fold.test])
            known = {
                "pre": pre,
                "predicted": model.predict(pre) - model.reconstruct(pre),
                "measured": post - pre,
            }
            new = {
                "pre": task.test,
                "predicted": model.predict(task.test) - model.reconstruct(task.test),
                "measured": after - task.test,
            }
            # In the order of PairTask.known: training rows, then those of the validation.
            response = data.response[np.concatenate([fold.train, fold.validation])]
            inputs = {BEFORE: ["pre"], PREDICTED: ["pre", "predicted"], MEASURED: ["pre", "measured"]}
            found = {name: _ridge(known, new, parts, response) for name, parts in inputs.items()}
            yield {MEAN: np.full(len(fold.test), response.mean())} | found


def _ridge(
    known: Mapping[str, np.ndarray], new: Mapping[str, np.ndarray], parts: Sequence[str], response: np.ndarray
) -> np.ndarray:
    """Predict from blocks of equal weight, the penalty chosen by leave-one-out error."""
    centre = {part: known[part].mean(axis=0) for part in parts}
    length = {part: np.sqrt(((known[part] - centre[part]) ** 2).sum(axis=1).mean()) or 1.0 for part in parts}

    def design(rows: Mapping[str, np.ndarray]) -> np.ndarray:
        return np.concatenate([(rows[part] - centre[part]) / length[part] for part in parts], axis=1)

    return RidgeCV(_PENALTIES).fit(design(known), response).predict(design(new))


def _absolute_errors(data: LabelledPairs, fold: Fold, predicted: np.ndarray) -> pd.DataFrame:
    lines = data.pairs.pairs["line"].to_numpy(str)[fold.test]
    return pd.DataFrame({"line": lines, "value": np.abs(predicted - data.response[fold.test])})

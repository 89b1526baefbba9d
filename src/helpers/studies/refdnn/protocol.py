"""Cross-validation of pair models: the same folds for all, searches nested, predictions kept.

Every protocol of RefDNN (random pairs, unseen lines, unseen cancer types, unseen drugs) is a list of
folds; a model is a :class:`Contender`. The result keeps each model's out-of-fold scores, so that any
metric, subset or bootstrap can be computed afterwards.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from sklearn.base import clone
from threadpoolctl import threadpool_limits

from helpers.data.types import ResponseData
from helpers.errors import DataError
from helpers.evaluation.metrics import classification_metrics, group_auroc
from helpers.evaluation.search import Space, search
from helpers.evaluation.splits import Fold, check_two_classes, stratified_pair_folds
from helpers.studies.refdnn.baselines.base import PairClassifier
from helpers.studies.refdnn.features import PairFeatures
from helpers.studies.refdnn.model import GPU_BATCH, RefDNNClassifier, fit_many
from helpers.studies.refdnn.model.holdout import stratified_holdout

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, eq=False)
class PairTable:
    """Pairs of one data set as models take them.

    Attributes
    ----------
    features : PairFeatures
    codes : array (n, 2): line, drug
    y : array (n,), 1 = resistant
    value : array (n,), log IC50
    cancer_type : array (n,) of str
    """

    features: PairFeatures
    codes: np.ndarray
    y: np.ndarray
    value: np.ndarray
    cancer_type: np.ndarray

    @classmethod
    def from_data(cls, data: ResponseData) -> PairTable:
        """Encode the response table of ``data``; the row order is kept."""
        features = PairFeatures.from_data(data)
        response = data.response
        return cls(
            features,
            features.encode(response),
            response["label"].to_numpy(np.int64),
            response["value"].to_numpy(float),
            data.lines["cancer_type"].reindex(response["line"]).to_numpy(str),
        )

    def __len__(self) -> int:
        return len(self.y)

    @property
    def lines(self) -> np.ndarray:
        """Line code of each pair."""
        return self.codes[:, 0]

    @property
    def drugs(self) -> np.ndarray:
        """Drug code of each pair."""
        return self.codes[:, 1]

    def drug_names(self) -> np.ndarray:
        """Drug name of each pair."""
        return self.features.drug_names[self.drugs]


@dataclass(frozen=True)
class Contender:
    """A model in a protocol.

    Attributes
    ----------
    name : str
    estimator : PairClassifier
        Template; it is cloned for each fit.
    space : dict, optional
        Hyperparameters to search in the training part of each fold; None keeps the template's.
    published_split : bool
        Fit on 80 % of the training part, as the study did for all its models; RefDNN stops early on the
        other 20 %. False fits on the whole training part.
    keep : callable, optional
        Called with each fitted final model; what it returns is kept with the result.
    """

    name: str
    estimator: PairClassifier
    space: Space | None = None
    published_split: bool = True
    keep: Callable[[PairClassifier], Any] | None = None


@dataclass(frozen=True, eq=False)
class OutOfFold:
    """Scores of every model for every pair that was in a test part.

    Attributes
    ----------
    y, lines, drugs : arrays (n,)
    drug_names : array (drugs,) of str
    fold_names : list of str
    folds : array (seeds, n)
        Position in ``fold_names`` of the fold that tested the pair; -1 where none did.
    scores : dict of str to array (seeds, n), float32
    chosen : DataFrame
        Hyperparameters found: seed, fold, model, value of the inner objective, one column a parameter.
    trials : DataFrame
        All candidates of all searches.
    kept : dict (model, seed, fold name) -> object
    """

    y: np.ndarray
    lines: np.ndarray
    drugs: np.ndarray
    drug_names: np.ndarray
    fold_names: list[str]
    folds: np.ndarray
    scores: dict[str, np.ndarray]
    chosen: pd.DataFrame = field(default_factory=pd.DataFrame)
    trials: pd.DataFrame = field(default_factory=pd.DataFrame)
    kept: dict[tuple[str, int, str], Any] = field(default_factory=dict)

    @property
    def models(self) -> list[str]:
        """Names of the models."""
        return list(self.scores)

    @property
    def n_seeds(self) -> int:
        """Number of repetitions."""
        return len(self.folds)

    def metrics(self, models: Sequence[str] | None = None) -> pd.DataFrame:
        """Six metrics per seed, fold and model, and the mean AUROC within drugs.

        Returns
        -------
        DataFrame
            Columns ``seed``, ``fold``, ``model``, ``metric``, ``value``, ``n``. The metric
            ``"AUCROC within drug"`` is the mean over the drugs of the fold that have both classes.
        """
        rows = []
        for model in models or self.models:
            for seed, fold, test in self._parts():
                y, p = self.y[test], self.scores[model][seed, test]
                values = classification_metrics(y, p)
                within = group_auroc(y, p, self.drugs[test])["auroc"]
                values["AUCROC within drug"] = within.mean() if within.notna().any() else np.nan
                rows += [(seed, fold, model, metric, value, len(y)) for metric, value in values.items()]
        return pd.DataFrame(rows, columns=["seed", "fold", "model", "metric", "value", "n"])

    def drug_auroc(self, model: str) -> pd.DataFrame:
        """AUROC of each drug over its tested pairs, averaged over seeds.

        Returns
        -------
        DataFrame
            Columns ``drug``, ``auroc``, ``n``, ``n_minority``; drugs with one class have NaN.
        """
        tables = []
        for seed in range(self.n_seeds):
            tested = self.folds[seed] >= 0
            tables.append(group_auroc(self.y[tested], self.scores[model][seed, tested], self.drugs[tested]))
        table = tables[0].assign(auroc=np.mean([t["auroc"] for t in tables], axis=0))
        return table.assign(drug=self.drug_names[table["group"]]).drop(columns="group")

    def subset(self, keep: np.ndarray) -> OutOfFold:
        """Restrict the evaluation to pairs where ``keep`` is true; nothing is fitted again."""
        keep = np.asarray(keep, dtype=bool)
        return replace(
            self,
            y=self.y[keep],
            lines=self.lines[keep],
            drugs=self.drugs[keep],
            folds=self.folds[:, keep],
            scores={model: p[:, keep] for model, p in self.scores.items()},
        )

    def merge(self, other: OutOfFold) -> OutOfFold:
        """Join the models of two runs of the same folds."""
        if not np.array_equal(self.folds, other.folds):
            msg = "the two results were not run in the same folds"
            raise DataError(msg)
        return replace(
            self,
            scores=self.scores | other.scores,
            chosen=_stack(self.chosen, other.chosen),
            trials=_stack(self.trials, other.trials),
            kept=self.kept | other.kept,
        )

    def _parts(self) -> list[tuple[int, str, np.ndarray]]:
        return [
            (seed, name, rows)
            for seed in range(self.n_seeds)
            for i, name in enumerate(self.fold_names)
            if len(rows := np.flatnonzero(self.folds[seed] == i))
        ]


def _stack(upper: pd.DataFrame, lower: pd.DataFrame) -> pd.DataFrame:
    return pd.concat([t for t in (upper, lower) if len(t)] or [upper], ignore_index=True)


@dataclass(frozen=True, eq=False)
class _Fit:
    """One fit: rows of the table to learn from, to stop on, and to score."""

    estimator: PairClassifier
    train: np.ndarray
    validation: np.ndarray | None
    test: np.ndarray


def cross_validate(
    table: PairTable,
    repeats: Sequence[Sequence[Fold]],
    contenders: Sequence[Contender],
    *,
    n_inner: int = 3,
    n_trials: int = 20,
    n_startup: int = 3,
    seed: int = 0,
    n_jobs: int = 1,
    storage: Path | None = None,
    progress: Progress | None = None,
) -> OutOfFold:
    """Run all contenders in the same folds.

    A contender with a space searches it by ``n_inner``-fold cross-validation (stratified by drug,
    objective: mean accuracy) inside the training part of each fold; as published, the fold that
    scores a candidate also stops its training. Searches of all folds advance together.

    Parameters
    ----------
    table : PairTable
    repeats : list of lists of Fold
        One list of folds a seed. The pairs of a test part must not overlap within a list.
    contenders : list of Contender
    n_inner, n_trials, n_startup : int
        Size of the nested search (published: 3, 20, 3).
    seed : int
        Seed of searches, validation splits and models.
    n_jobs : int
        Fits at a time.
    storage : Path, optional
        Folder of the searches' journals: a killed search resumes from it.
    progress : callable, optional
        Called with (what, done, in all).

    Returns
    -------
    OutOfFold

    Raises
    ------
    DataError
        If the training part of a fold has one class.
    """
    for folds in repeats:
        for fold in folds:
            check_two_classes(table.y, fold)
    result = _empty_result(table, repeats)
    for contender in contenders:
        run = _Run(table, repeats, contender, n_inner, n_trials, n_startup, seed, n_jobs, storage, progress)
        result = result.merge(run.result(result))
    return result


def _empty_result(table: PairTable, repeats: Sequence[Sequence[Fold]]) -> OutOfFold:
    names = list(dict.fromkeys(fold.name for folds in repeats for fold in folds))
    where = np.full((len(repeats), len(table)), -1)
    for i, folds in enumerate(repeats):
        for fold in folds:
            where[i, fold.test] = names.index(fold.name)
    return OutOfFold(table.y, table.lines, table.drugs, table.features.drug_names, names, where, {})


@dataclass(frozen=True, eq=False)
class _Run:
    """One contender in all folds."""

    table: PairTable
    repeats: Sequence[Sequence[Fold]]
    contender: Contender
    n_inner: int
    n_trials: int
    n_startup: int
    seed: int
    n_jobs: int
    storage: Path | None
    progress: Progress | None

    def result(self, frame: OutOfFold) -> OutOfFold:
        parts = [(i, fold) for i, folds in enumerate(self.repeats) for fold in folds]
        settings, chosen, trials = self._settings(parts)
        fits = [
            self._final_fit(i, fold, parameters)
            for (i, fold), parameters in zip(parts, settings, strict=True)
        ]
        keep = self.contender.keep
        outcomes = _fit_and_score(self.table, fits, self.n_jobs, keep, self._report("fits"))
        scores = np.full(frame.folds.shape, np.nan, dtype=np.float32)
        kept = {}
        for (i, fold), (p, extra) in zip(parts, outcomes, strict=True):
            scores[i, fold.test] = p
            if keep is not None:
                kept[(self.contender.name, i, fold.name)] = extra
        return replace(frame, scores={self.contender.name: scores}, chosen=chosen, trials=trials, kept=kept)

    def _journal(self) -> Path | None:
        """File of the search; its name changes with the data, the folds and everything searched."""
        if self.storage is None:
            return None
        state = (self.table, self.repeats, self.contender.estimator, self.n_inner, self.seed)
        return self.storage / f"{self.contender.name.replace(' ', '_')}-{joblib.hash(state)[:12]}.journal"

    def _report(self, what: str) -> Callable[[int, int], None] | None:
        if self.progress is None:
            return None
        return lambda done, total: self.progress(f"{self.contender.name}: {what}", done, total)

    def _final_fit(self, repeat: int, fold: Fold, parameters: dict[str, Any]) -> _Fit:
        estimator = clone(self.contender.estimator).set_params(**parameters)
        state = _seed(self.seed, repeat, fold.name)
        if "random_state" in estimator.get_params():
            estimator.set_params(random_state=state)
        if not self.contender.published_split:
            return _Fit(estimator, fold.train, None, fold.test)
        kept, held_out = stratified_holdout(self.table.drugs[fold.train], 0.2, state)
        return _Fit(estimator, fold.train[kept], fold.train[held_out], fold.test)

    def _settings(
        self, parts: list[tuple[int, Fold]]
    ) -> tuple[list[dict[str, Any]], pd.DataFrame, pd.DataFrame]:
        name, space = self.contender.name, self.contender.space
        if space is None:
            return [{}] * len(parts), pd.DataFrame(), pd.DataFrame()
        inner = [
            stratified_pair_folds(self.table.drugs[fold.train], self.n_inner, _seed(self.seed, i, fold.name))
            for i, fold in parts
        ]

        def evaluate(candidates: list[tuple[int, dict[str, Any]]]) -> list[float]:
            fits = []
            for position, parameters in candidates:
                repeat, fold = parts[position]
                for split in inner[position]:
                    estimator = clone(self.contender.estimator).set_params(**parameters)
                    if "random_state" in estimator.get_params():
                        estimator.set_params(random_state=_seed(self.seed, repeat, fold.name, split.name))
                    test = fold.train[split.test]
                    fits.append(_Fit(estimator, fold.train[split.train], test, test))
            outcomes = _fit_and_score(self.table, fits, self.n_jobs)
            correct = [
                np.mean((p > 0.5) == self.table.y[fit.test])
                for fit, (p, _) in zip(fits, outcomes, strict=True)
            ]
            return list(np.reshape(correct, (len(candidates), self.n_inner)).mean(axis=1))

        studies = [f"{name}/seed{i}/fold{fold.name}" for i, fold in parts]
        results = search(
            evaluate,
            space,
            studies,
            self.n_trials,
            self.n_startup,
            self.seed,
            self._journal(),
            self._report("search rounds"),
        )
        labels = [{"model": name, "seed": i, "fold": fold.name} for i, fold in parts]
        chosen = pd.DataFrame(
            [{**label, "value": r.value, **r.params} for label, r in zip(labels, results, strict=True)]
        )
        trials = pd.concat(
            [r.trials.assign(**label) for label, r in zip(labels, results, strict=True)], ignore_index=True
        )
        return [r.params for r in results], chosen, trials


def _seed(*parts: object) -> int:
    """Small integer that depends on all parts, the same in every process."""
    text = "/".join(map(str, parts))
    return int(np.random.SeedSequence(list(text.encode())).generate_state(1)[0] % (2**31))


def _fit_and_score(
    table: PairTable,
    fits: list[_Fit],
    n_jobs: int,
    keep: Callable[[PairClassifier], Any] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> list[tuple[np.ndarray, Any]]:
    """Fit and score; on a GPU RefDNN models are fitted as batches, everything else in threads."""
    if fits and isinstance(fits[0].estimator, RefDNNClassifier) and fits[0].estimator.on_gpu():
        return _fit_on_gpu(table, fits, keep, progress)
    with threadpool_limits(1):
        outcomes = []
        work = Parallel(n_jobs=n_jobs, prefer="threads", return_as="generator")(
            delayed(_fit_one)(table, fit, keep) for fit in fits
        )
        for outcome in work:
            outcomes.append(outcome)
            if progress is not None:
                progress(len(outcomes), len(fits))
    return outcomes


def _fit_on_gpu(
    table: PairTable,
    fits: list[_Fit],
    keep: Callable[[PairClassifier], Any] | None,
    progress: Callable[[int, int], None] | None,
) -> list[tuple[np.ndarray, Any]]:
    outcomes = []
    for start in range(0, len(fits), GPU_BATCH):
        batch = fits[start : start + GPU_BATCH]
        models = fit_many(
            [(clone(f.estimator), table.codes[f.train], table.y[f.train], _watched(table, f)) for f in batch]
        )
        outcomes += [_scored(table, model, fit, keep) for model, fit in zip(models, batch, strict=True)]
        if progress is not None:
            progress(len(outcomes), len(fits))
    return outcomes


def _fit_one(
    table: PairTable, fit: _Fit, keep: Callable[[PairClassifier], Any] | None
) -> tuple[np.ndarray, Any]:
    # A clone, so that the fitted arrays go when this function ends: the list of fits lives longer.
    model = clone(fit.estimator).fit(
        table.codes[fit.train],
        table.y[fit.train],
        validation=_watched(table, fit),
        value=table.value[fit.train],
    )
    return _scored(table, model, fit, keep)


def _watched(table: PairTable, fit: _Fit) -> tuple[np.ndarray, np.ndarray] | None:
    if fit.validation is None:
        return None
    return table.codes[fit.validation], table.y[fit.validation]


def _scored(
    table: PairTable, model: PairClassifier, fit: _Fit, keep: Callable[[PairClassifier], Any] | None
) -> tuple[np.ndarray, Any]:
    p = model.predict_proba(table.codes[fit.test])[:, 1]
    return p, None if keep is None else keep(model)

"""How much of what drugs change is special to cell and compound, beyond the noise of replicates."""

from __future__ import annotations

import numpy as np
import pandas as pd

from helpers.bounds import check_number
from helpers.checks import as_numbers, check_names, check_records, refuse
from helpers.errors import DataError
from helpers.studies.perturbation.hepatocytes import DOSES, genes_of
from helpers.studies.perturbation.metrics import check_scores


def replicate_changes(arrays: pd.DataFrame) -> tuple[pd.DataFrame, np.ndarray]:
    """Pair replicates: the change of each is the i-th treated array minus the i-th control.

    Parameters
    ----------
    arrays : DataFrame
        As in :func:`helpers.studies.perturbation.hepatocytes.contrasts`.

    Returns
    -------
    rows : DataFrame
        ``cell`` (dose and time), ``compound``, ``hours``; rows with two replicates only.
    changes : array (2, rows, genes)
        Log2.

    Raises
    ------
    DataError
        If no compound has two treated and two control arrays at one time, or the table is not as asked for.
    """
    genes = genes_of(arrays)
    rows, changes = [], []
    for (compound, hours), part in arrays.groupby(["treatmentid", "duration"], sort=True):
        by_dose = {dose: one[genes].to_numpy(float) for dose, one in part.groupby("dose_level")}
        control = by_dose.get("Control", np.empty((0, 0)))
        for dose in DOSES:
            if len(control) >= 2 and len(by_dose.get(dose, ())) >= 2:
                rows.append((f"{dose}, {hours} h", compound, hours))
                changes.append(by_dose[dose][:2] - control[:2])
    if not rows:
        msg = "no compound has two treated and two control arrays at one time"
        raise DataError(msg)
    return pd.DataFrame(rows, columns=["cell", "compound", "hours"]), np.swapaxes(np.array(changes), 0, 1)


def variance_components(rows: pd.DataFrame, changes: np.ndarray) -> pd.DataFrame:
    """Split the mean square of changes into what is shared and what is special, by moments.

    Products of two different replicates have no noise in them. Averaged over genes and over pairs of rows
    they estimate: the same row, all of the signal; the same compound at another time, what the compound does
    everywhere (plus the mean); the same cell, what the cell does under every compound (plus the mean); other
    cell and other compound, the mean alone. What remains of the signal is the interaction. Pairs of one
    compound and time are left out, for they share controls.

    Parameters
    ----------
    rows : DataFrame
        ``cell``, ``compound``, ``hours``.
    changes : array (2, rows, genes)

    Returns
    -------
    DataFrame
        ``what`` (mean, cell, compound, interaction, noise of a mean of two replicates), ``value`` (share of
        the mean square of that mean; a share may come out slightly negative), ``n`` (rows).

    Raises
    ------
    DataError
        If changes and rows do not fit together, or there are not two cells, compounds and times.
    """
    _check(rows, changes)
    return _components(rows, *_products(changes))


def _check(rows: pd.DataFrame, changes: np.ndarray) -> None:
    check_records(rows, ("cell", "compound", "hours"), (), "rows")
    found = as_numbers(changes, "changes", finite=True).shape
    if len(found) != 3 or found[:2] != (2, len(rows)) or not found[2]:
        refuse("changes", f"must have the shape (2, {len(rows)}, genes): two replicates a row; got {found}")
    for name in ("cell", "compound", "hours"):
        if rows[name].nunique() < 2:
            refuse("rows", f"all have the same {name}; the parts cannot be told apart")


def _products(changes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Products of two rows by different replicates, and the square of each row's mean; means over genes."""
    first, second = changes
    products = (first @ second.T + second @ first.T) / (2 * first.shape[1])
    return products, (changes.mean(axis=0) ** 2).mean(axis=1)


def _components(rows: pd.DataFrame, products: np.ndarray, squares: np.ndarray) -> pd.DataFrame:
    cell, compound, hours = (rows[name].to_numpy() for name in ("cell", "compound", "hours"))
    same_cell = cell[:, None] == cell
    same_compound = compound[:, None] == compound
    same_time = hours[:, None] == hours
    mean = products[~same_cell & ~same_compound].mean()
    of_cell = products[same_cell & ~same_compound].mean() - mean
    of_compound = products[same_compound & ~same_time].mean() - mean
    signal = np.diag(products).mean()
    total = squares.mean()
    parts = {
        "mean": mean,
        "cell": of_cell,
        "compound": of_compound,
        "interaction": signal - mean - of_cell - of_compound,
        "noise of two replicates": total - signal,
    }
    table = pd.DataFrame({"what": list(parts), "value": [part / total for part in parts.values()]})
    return table.assign(n=len(rows))


def component_shares(rows: pd.DataFrame, changes: np.ndarray, *, n_boot: int, seed: int = 0) -> pd.DataFrame:
    """:func:`variance_components` with 95 % limits from half samples of the compounds.

    A resample with the same compound twice would count its products with itself as another compound's, so
    halves are drawn without replacement; their spread is that of the whole (Politis and Romano 1994: a half
    sample varies as much around the whole as the whole around the truth).
    """
    _check(rows, changes)
    check_number("n_boot", n_boot, 2, whole=True)
    check_number("seed", seed, 0, whole=True)
    products, squares = _products(changes)
    value = _components(rows, products, squares)
    names = rows["compound"].unique()
    rng = np.random.default_rng(seed)
    draws = []
    for _ in range(n_boot):
        kept = rows["compound"].isin(rng.permutation(names)[: len(names) // 2]).to_numpy()
        draws.append(_components(rows[kept], products[np.ix_(kept, kept)], squares[kept])["value"].to_numpy())
    deviation = np.std(draws, axis=0)
    half = 1.96 * deviation
    return value.assign(low=value["value"] - half, high=value["value"] + half, n=len(names))


def predictable_compounds(
    scores: pd.DataFrame, models: tuple[str, ...], reference: str = "gene sign"
) -> pd.DataFrame:
    """Sign accuracy of each compound's held-out rows: which are predictable, and by which model.

    Parameters
    ----------
    scores : DataFrame
        Test rows of one data set and protocol.
    models : tuple of str
        Models in question.
    reference : str
        What a compound must beat to be called predictable: one constant sign a gene.

    Returns
    -------
    DataFrame, compounds x columns
        ``rows`` (scores), ``mean |change|``, a column for each model and the reference, ``best`` (name of the
        best model), ``gain`` (of the best over the reference); the largest gain first. The best is chosen
        on these rows, so single gains are optimistic.
    """
    named = ("zero", reference, *check_names(models, "models"))
    check_scores(scores, ("compound", "row", "model"), named, ("right", "error"))
    if not models:
        refuse("models", "there are none")
    wide = scores.pivot_table(index="compound", columns="model", values="right")
    table = wide[[reference, *models]]
    zero = scores[scores["model"] == "zero"].groupby("compound")
    table.insert(0, "mean |change|", zero["error"].mean())
    table.insert(0, "rows", zero["row"].nunique())
    best = wide[list(models)]
    table = table.assign(best=best.idxmax(axis=1), gain=best.max(axis=1) - wide[reference])
    return table.sort_values("gain", ascending=False)

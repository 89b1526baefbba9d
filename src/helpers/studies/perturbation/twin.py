"""Simulated changes of expression after drugs, with planted additive and interaction effects.

Made in the unit of the competition's table, sign(change) x -log10(p): a row without effect is pure
noise with uniform p, whose root mean square is sqrt(2) / ln 10 = 0.614; all contrasts of one cell
type share its control wells, so they share an offset; a few compounds act far more strongly than
the rest, which makes the tails heavy.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.optimize import brentq

from helpers.bounds import check_number
from helpers.checks import check_numbers, check_table, refuse
from helpers.data.types import Provenance
from helpers.errors import DataError
from helpers.studies.perturbation.types import ExpressionChanges, check_rows, check_splits

#: Root mean square of sign x -log10(p) with uniform p.
NULL_RMS = float(np.sqrt(2) / np.log(10))
#: Mean over the competition's 614 training rows of the root mean square over genes.
TRAIN_RMS = 1.281
# Root mean square of single compounds in the competition's table, as participants printed them.
_KNOWN_RMS = {"Belinostat": 11.7, "Alvocidib": 8.7, "MLN 2238": 7.9, "Buspirone": 0.52}
# Strength of an effect in a test row relative to training: what was left for the tests is far quieter
# (a mean per gene scores 0.664 there, 1.281 is what zero scores in training).
_QUIET = 1 / 3
_UNIT = "signed -log10 p"
_FACTORS = 20  # gene programmes that compounds move
_SPREAD = 1.0  # standard deviation of the logarithm of a compound's strength
# The same in the twin of the competition: with it the twin has, in the printed block, the share of entries
# that a constant sign gets right in the real one (.607), while the mean over rows stays the published one.
_TWIN_SPREAD = 2.0
_KAGGLE_CELLS = ("NK cells", "T cells CD4+", "T cells CD8+", "T regulatory cells", "B cells", "Myeloid cells")


def simulate_changes(
    seed: int = 0,
    *,
    n_cells: int = 6,
    n_compounds: int = 30,
    n_genes: int = 200,
    n_full: int = 4,
    n_shared: int = 6,
    interaction: float = 0.5,
    coherence: float = 0.6,
    strength: float = 1.0,
    name: str = "simulated changes",
) -> ExpressionChanges:
    """Simulate a small experiment in the design of the competition.

    Parameters
    ----------
    seed : int
    n_cells, n_compounds, n_genes : int
    n_full : int
        The first ``n_full`` cells have all compounds in training; of the others ``n_shared``
        compounds are in training and the rest in the test splits.
    n_shared : int
    interaction : float
        Root mean square of the effect of a compound that is special to a cell, relative to the part
        that all cells share; 0 makes the world additive but for the strength of the common answer.
    coherence : float
        Share of a compound's effect that lies along the common answer of the cell.
    strength : float
        Median root mean square of a compound's effect.
    name : str

    Returns
    -------
    ExpressionChanges

    Raises
    ------
    DataError
        If the design is impossible, or a number is none.
    """
    sizes = {"n_cells": n_cells, "n_compounds": n_compounds, "n_genes": n_genes}
    for what, size in (sizes | {"n_full": n_full, "n_shared": n_shared}).items():
        check_number(what, size, whole=True)
    check_number("seed", seed, 0, whole=True)
    check_number("interaction", interaction, 0, 1e6)
    check_number("coherence", coherence, 0, 1)
    check_number("strength", strength, 1e-12, 1e6)
    if not (1 <= n_full <= n_cells and 1 <= n_shared <= n_compounds and n_genes >= 1):
        msg = (
            f"no such design: {n_full} full of {n_cells} cells, {n_shared} shared of {n_compounds} "
            f"compounds, {n_genes} genes"
        )
        raise DataError(msg)
    rng = np.random.default_rng(seed)
    cells = [_KAGGLE_CELLS[i] if i < len(_KAGGLE_CELLS) else f"cell {i + 1}" for i in range(n_cells)]
    cell, compound = np.divmod(np.arange(n_cells * n_compounds), n_compounds)
    hidden = (cell >= n_full) & (compound >= n_shared)
    public = hidden & (compound % 3 == 0)
    rows = pd.DataFrame(
        {
            "cell": np.array(cells, dtype=object)[cell],
            "compound": [f"compound {i + 1}" for i in compound],
            "lincs_id": [f"LSM-{i + 1}" for i in compound],
            "smiles": [_smiles(i) for i in compound],
            "control": compound < min(2, n_shared),
            "split": np.where(public, "public", np.where(hidden, "private", "train")),
        }
    )
    effect = strength * np.exp(_SPREAD * rng.normal(size=n_compounds))
    effect[:2] *= 4  # the positive controls
    programme = rng.laplace(0.3, 0.5, n_genes)
    means = programme + 0.3 * rng.normal(size=(n_cells, n_genes))
    targets = _targets(rows, cell, compound, means, effect[compound], rng, interaction, coherence)
    note = (
        f"Simulated in full (seed {seed}): {n_cells} cells, {n_compounds} compounds, {n_genes} genes, "
        f"interaction {interaction:g}."
    )
    values = pd.DataFrame(targets[0], columns=[f"G{i + 1}" for i in range(n_genes)])
    return ExpressionChanges(name, rows, values, _UNIT, Provenance("simulated", notes=(note,)), targets[1])


def simulate_worlds(seed: int = 0) -> dict[str, ExpressionChanges]:
    """Simulate the two worlds of the method check, by name: without and with an interaction.

    Design, noise and heavy tails are the same. In the additive world the answer of a cell to a compound
    is cell plus compound (but for the strength of the common answer); in the other every row has an
    answer of its own, as large as the compound's.
    """
    design = {"n_compounds": 24, "n_genes": 90, "n_full": 6, "n_shared": 24}
    worlds = {"additive world": 0.0, "interaction world": 1.0}
    return {
        name: simulate_changes(seed, interaction=interaction, name=name, **design)
        for name, interaction in worlds.items()
    }


def kaggle_twin(
    rows: pd.DataFrame,
    means: pd.DataFrame,
    provenance: Provenance,
    seed: int = 0,
    sizes: pd.Series | None = None,
) -> ExpressionChanges:
    """Draw targets on the real design of the competition.

    The mean over the training rows of each cell type is the real one, gene by gene; a row without
    effect has the null's root mean square; the strengths of compounds follow the few published ones, the
    printed rows, and a log-normal distribution, cut at the strongest published one, that gives the published
    mean over rows; compounds that lack a cell type (too few cells survived) get the strongest draws; effects
    in test rows are a third as strong. Which gene answers to which compound is invented.

    Parameters
    ----------
    rows : DataFrame
        As in :class:`ExpressionChanges`.
    means : DataFrame, cell types x genes
        Mean change over the training rows.
    provenance : Provenance
        Of the design; the tier of the result is ``"simulated"``.
    seed : int
    sizes : Series, optional
        Mean absolute value of single compounds' rows, where it is known.

    Returns
    -------
    ExpressionChanges

    Raises
    ------
    DataError
        If the means lack a cell type, or rows, means or the seed are none.
    """
    check_number("seed", seed, 0, whole=True)
    check_table(means, "kaggle_twin", "the table of means")
    check_numbers(means, "kaggle_twin", "the table of means")
    check_rows(rows, ("cell", "compound"))
    check_splits(rows)
    if not rows["split"].eq("train").any():
        refuse("rows", "no training rows, which the targets are calibrated on")
    rng = np.random.default_rng(seed)
    cells, compounds = pd.Index(means.index), pd.Index(sorted(rows["compound"].unique()))
    cell, compound = cells.get_indexer(rows["cell"]), compounds.get_indexer(rows["compound"])
    if (cell < 0).any():
        unknown = sorted(set(rows["cell"]) - set(cells))
        msg = f"the table of means lacks the cell type(s) {unknown}"
        raise DataError(msg)
    train = (rows["split"] == "train").to_numpy()
    incomplete = rows["compound"].value_counts().reindex(compounds).to_numpy() < len(cells)
    effect = _strengths(compounds, compound[train], incomplete, _known_rms(sizes), rng)
    strength = effect[compound] * np.where(train, 1.0, _QUIET)
    targets = _targets(rows, cell, compound, means.to_numpy(), strength, rng, interaction=0.5, coherence=0.75)
    note = (
        f"Targets are SIMULATED (seed {seed}) on the real design: cell types, compounds and splits are "
        "real, and so are the per-gene means of each cell type over the training rows; which gene answers "
        "to which compound is invented."
    )
    source = Provenance("simulated", provenance.files, (note, *provenance.notes))
    values = pd.DataFrame(targets[0], columns=means.columns)
    return ExpressionChanges("Kaggle", rows.reset_index(drop=True), values, _UNIT, source, targets[1])


def _targets(
    rows: pd.DataFrame,
    cell: np.ndarray,
    compound: np.ndarray,
    means: np.ndarray,
    effect: np.ndarray,
    rng: np.random.Generator,
    interaction: float,
    coherence: float,
) -> tuple[np.ndarray, np.ndarray]:
    """Return values and expected values; training means are ``means``."""
    n_cells, n_genes = means.shape
    train = (rows["split"] == "train").to_numpy()
    own, special = _effects(cell, compound, n_genes, interaction, rng)
    values = np.empty((len(rows), n_genes), dtype=np.float32)
    expected = np.empty_like(values)
    for c in range(n_cells):
        here = np.flatnonzero(cell == c)
        fitted = train[here]
        strength = effect[here, None]
        spread = np.sqrt((means[c] ** 2).mean())
        average = strength[fitted].mean()
        # What the effects of the compounds cannot explain of the cell's mean is common to all rows:
        # the shared control wells.
        share = min(coherence, spread / average)
        offset = means[c] * (1 - share * average / spread)
        single = own[compound[here]] + special[here]
        # The single effects cancel over the training rows, so that their mean is the given one.
        single[fitted] -= (strength * single)[fitted].sum(axis=0) / strength[fitted].sum()
        signal = offset + strength * (share / spread * means[c] + np.sqrt(1 - share**2) * single)
        noise_rms = np.sqrt(max(NULL_RMS**2 - (offset**2).mean(), (NULL_RMS / 2) ** 2))
        noise = rng.laplace(0, noise_rms / np.sqrt(2), (len(here), n_genes))
        if fitted.sum() > 1:
            noise[fitted] -= noise[fitted].mean(axis=0)
            noise[fitted] *= np.sqrt(fitted.sum() / (fitted.sum() - 1))
        expected[here], values[here] = signal, signal + noise
    return values, expected


def _effects(
    cell: np.ndarray, compound: np.ndarray, n_genes: int, interaction: float, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Effects of compounds and of single rows over a few gene programmes; root mean square 1 in sum."""
    programmes = rng.laplace(0, 1 / np.sqrt(2), (_FACTORS, n_genes))
    n_compounds = int(compound.max()) + 1
    scale = 1 / np.sqrt(_FACTORS * (1 + interaction**2))
    own = scale * rng.normal(size=(n_compounds, _FACTORS)) @ programmes
    special = interaction * scale * rng.normal(size=(len(cell), _FACTORS)) @ programmes
    return own, special


def _known_rms(sizes: pd.Series | None) -> dict[str, float]:
    """Root mean squares by compound; a mean absolute value counts as that of a Laplace distribution."""
    return _KNOWN_RMS if sizes is None else {**(sizes * np.sqrt(2)).to_dict(), **_KNOWN_RMS}


def _strengths(
    compounds: pd.Index,
    trained: np.ndarray,
    incomplete: np.ndarray,
    known_rms: dict[str, float],
    rng: np.random.Generator,
) -> np.ndarray:
    """Effect of each compound so that training rows have the published mean root mean square."""
    draws = np.sort(rng.normal(size=len(compounds)))[::-1]
    order = np.concatenate(
        [rng.permutation(np.flatnonzero(incomplete)), rng.permutation(np.flatnonzero(~incomplete))]
    )
    spread = np.empty(len(compounds))
    # The strongest draws go to incomplete compounds, the rest is dealt out at random.
    n = int(incomplete.sum())
    spread[order[:n]] = draws[:n]
    spread[order[n:]] = rng.permutation(draws[n:])
    known = {i: rms for i, name in enumerate(compounds) if (rms := known_rms.get(name)) is not None}

    def strengths(level: float) -> np.ndarray:
        effect = np.minimum(np.exp(level + _TWIN_SPREAD * spread), max(_KNOWN_RMS.values()))
        for i, rms in known.items():
            # Buspirone lies below the null's value: no effect at all.
            effect[i] = np.sqrt(max(rms**2 - NULL_RMS**2, 1e-4))
        return effect

    def excess(level: float) -> float:
        return np.sqrt(strengths(level)[trained] ** 2 + NULL_RMS**2).mean() - TRAIN_RMS

    return strengths(brentq(excess, -10, 5))


def _smiles(number: int) -> str:
    """Return a valid, unique structure: an alcohol, amine or acid with a chain of growing length."""
    return "C" * (number // 3 + 1) + ("O", "N", "C(=O)O")[number % 3]

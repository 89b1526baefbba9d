"""Which folds chapter 04 runs on each data set: random rows, new pairs, unseen compounds, one split again."""

from __future__ import annotations

from collections.abc import Sequence

from helpers.evaluation.protocol import Fold
from helpers.studies.perturbation import folds
from helpers.studies.perturbation.types import ExpressionChanges

#: What a bootstrap resamples: the more numerous factor of each data set.
UNIT = {"TG-GATEs": "compound", "L1000": "cell", "TranSiGen": "cell", "Kaggle": "compound"}
#: Compounds that a left-out context keeps: as many as the competition's two test cell types have.
N_SHARED = 17


def other_folds(data: ExpressionChanges, seeds: Sequence[int], n_folds: int) -> list[Fold]:
    """Return the folds of a real panel that ask for more than random rows: new pairs, unseen compounds.

    Parameters
    ----------
    data : ExpressionChanges
    seeds : sequence of int
    n_folds : int
        Folds used of each seed, of five (of as many contexts as are full, for new pairs of hepatocytes).
    """
    # Hepatocytes have few contexts and many compounds, as the competition has; the others have many lines.
    new = {"n_shared": N_SHARED} if data.name == "TG-GATEs" else {"n_splits": 5}
    return [
        *folds.leave_cells_out(data.rows, seeds, n_used=n_folds, **new),
        *folds.leave_compounds_out(data.rows, seeds, n_used=n_folds),
    ]


def same_folds(data: ExpressionChanges, seeds: Sequence[int]) -> list[Fold]:
    """Return the first fold of random rows once a seed, at least twice: only start and order differ."""
    first = folds.random_rows(data.rows, seeds[:1])[0]
    return folds.same_split(first, [seeds[0] + i for i in range(max(len(seeds), 2))])


def kaggle_folds(
    data: ExpressionChanges, seeds: Sequence[int], *, n_folds: int = 1, n_cells: int = 1
) -> list[Fold]:
    """Return the folds of the competition's design.

    Parameters
    ----------
    data : ExpressionChanges
    seeds : sequence of int
    n_folds : int
        Folds of random rows and of unseen compounds used of each seed, of five.
    n_cells : int
        Cell types that are left out in turn.
    """
    rows = data.rows
    has_test = (rows["split"] != "train").any()
    return [
        *folds.random_rows(rows, seeds, n_used=n_folds, in_sample=True),
        *folds.leave_cells_out(rows, seeds, n_used=n_cells),
        *folds.leave_compounds_out(rows, seeds, n_used=n_folds),
        *(folds.competition(rows, seeds) if has_test else []),
    ]

"""Strong-effect controls: L1000 signatures of two drugs in more than fifty lines, put on basal profiles."""

from __future__ import annotations

import numpy as np
import pandas as pd
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import KFold, cross_val_predict

from helpers.checks import check_numbers, check_table, refuse
from helpers.data import l1000_files as files
from helpers.data.expression import FHDSL, fhdsl_panel
from helpers.data.l1000_signatures import SIGNATURES, read_signatures
from helpers.data.pair_types import PerturbationPairs
from helpers.data.pairs import BASAL, LANDMARKS, read_basal
from helpers.data.sources import Sources
from helpers.data.types import Provenance
from helpers.studies.pertvae.wells import CMAPM, plate_values

FILES = (SIGNATURES, BASAL, LANDMARKS, CMAPM, FHDSL)
#: Drugs of the file that were given to more than fifty lines, at this dose and time.
STRONG, DOSE, TIME = ("vemurafenib", "atorvastatin"), "10 uM", "6 h"
_LEAST_SPREAD = 0.1  # log2; genes at the floor of the scale do not vary on a plate
_PENALTIES = 10.0 ** np.arange(1, 6)


def read_signature_pairs(sources: Sources) -> PerturbationPairs:
    """Rebuild pairs from signatures: before = basal profile of the line, after = before + z x spread.

    A signature is a change in units of the spread of a gene over the wells of a plate; the spread of a
    plate of the same screen turns it into log2. Basal profiles are those of L1000 where it has the line,
    else carried over from RNA-seq (:func:`carry_over`). Lines with neither are left out.
    """
    landmarks = files.read_landmarks(sources[LANDMARKS])
    info, values = read_signatures(sources)
    measured = read_basal(sources[BASAL], landmarks)
    genes = measured.columns[measured.columns.isin(values.columns)]
    measured = measured[genes]
    expression, lines = fhdsl_panel(sources)
    named = lines["stripped_name"]
    named = named[(named != "") & ~named.duplicated(keep=False)]
    carried, agreement = carry_over(measured, expression.loc[named.index].set_axis(named.to_numpy()))
    basal = pd.concat([measured, carried[~carried.index.isin(measured.index)]])
    wanted = info["drug"].isin(STRONG) & (info["dose"] == DOSE) & (info["hours"] == TIME)
    kept = info[wanted & info["cell"].isin(basal.index)].sort_values(["drug", "cell", "signature"])
    index = pd.Index(kept["signature"], dtype=object)
    before = basal.loc[kept["cell"]].set_axis(index).astype(np.float32)
    change = values.loc[kept.index, genes].set_axis(index) * plate_spread(sources, landmarks)[genes]
    after = (before + change).clip(0, files.HIGHEST).astype(np.float32)
    alone = measured[~measured.index.isin(kept["cell"])]
    of_l1000 = kept["cell"].drop_duplicates().isin(measured.index)
    pairs = pd.DataFrame(
        {
            "line": kept["cell"].to_numpy(),
            "drug": kept["drug"].to_numpy(),
            "batch": "",
            "dose": 10.0,
            "time": 6.0,
            "smiles": "",
        },
        index,
    )
    notes = (
        f"Rebuilt pairs: Level 5 signatures at {DOSE} and {TIME}, times the spread of each gene on a plate "
        "of the same screen, on basal profiles. Before and after share no vehicle noise.",
        f"{int(of_l1000.sum())} of {len(of_l1000)} lines have a basal profile of L1000; for the others it is "
        f"carried over from RNA-seq by ridge regression (left-out lines: mean correlation over lines "
        f"{agreement:.2f} gene by gene).",
        f"{info.loc[wanted, 'cell'].nunique() - len(of_l1000)} lines have neither and were left out; "
        f"{len(genes)} landmark genes go by the same symbol in both files.",
        f"{len(alone)} basal profiles of other lines are singletons.",
    )
    return PerturbationPairs(
        "signatures",
        before,
        after,
        pairs,
        alone.set_axis("basal " + alone.index).astype(np.float32),
        pd.Series(alone.index, "basal " + alone.index, dtype=object),
        Provenance("panel", sources.files(), notes),
    )


def carry_over(measured: pd.DataFrame, other: pd.DataFrame) -> tuple[pd.DataFrame, float]:
    """Carry expression of lines from another platform over to that of ``measured``, by ridge regression.

    Parameters
    ----------
    measured : DataFrame, lines x genes
    other : DataFrame, lines x other genes
        Of more lines; those of both teach the regression, its penalty chosen by leave-one-out error.

    Returns
    -------
    carried : DataFrame, lines of ``other`` x genes
    agreement : float
        Mean over genes of the correlation over lines of carried and measured values, for lines left
        out in five folds.

    Raises
    ------
    DataError
        If a table holds NaN or a line twice, or both have fewer than five lines in common.
    """
    for table, what in ((measured, "measured expression"), (other, "other expression")):
        check_table(table, "carry_over", what)
        check_numbers(table, "carry_over", what)
    both = measured.index.intersection(other.index)
    if len(both) < 5:
        refuse("carry_over", f"{len(both)} lines are in both tables; five are needed", "name lines alike")
    x, y = other.loc[both].to_numpy(float), measured.loc[both].to_numpy(float)
    model = RidgeCV(_PENALTIES)
    left_out = cross_val_predict(model, x, y, cv=KFold(5, shuffle=True, random_state=0))
    a, b = left_out - left_out.mean(axis=0), y - y.mean(axis=0)
    length = np.sqrt((a**2).sum(axis=0) * (b**2).sum(axis=0))
    agreement = np.divide((a * b).sum(axis=0), length, out=np.zeros_like(length), where=length > 0)
    carried = model.fit(x, y).predict(other.to_numpy(float))
    table = pd.DataFrame(np.clip(carried, 0, files.HIGHEST), other.index, measured.columns)
    return table, float(agreement.mean())


def plate_spread(sources: Sources, landmarks: pd.Series) -> pd.Series:
    """Robust standard deviation of each gene over all wells of a plate, log2: the unit of a z-score."""
    values = plate_values(sources, landmarks)[0]
    deviation = (values - values.median()).abs().median()
    return (1.4826 * deviation).clip(lower=_LEAST_SPREAD)

"""Folds of the RefDNN protocols, and the cases that vary their pairs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd

from helpers.bounds import check_number
from helpers.checks import check_column, check_columns, check_numbers, refuse
from helpers.data.types import ResponseData
from helpers.evaluation.protocol import Fold
from helpers.evaluation.splits import leave_one_group_out, line_folds, stratified_pair_folds
from helpers.studies.refdnn.pairs import PairTable


def repeated_pair_folds(table: PairTable, n_outer: int, repeats: int, seed: int = 0) -> list[list[Fold]]:
    """Folds of known drugs and lines: pairs stratified by drug, one list of folds a repeat.

    Raises
    ------
    DataError
        If a number cannot be, or there are too few pairs.
    """
    check_number("repeats", repeats, 1, whole=True)
    check_number("seed", seed, 0, whole=True)
    return [stratified_pair_folds(table.drugs, n_outer, seed + i) for i in range(repeats)]


def left_out_folds(groups: np.ndarray, at_most: int = 0, patients: np.ndarray | None = None) -> list[Fold]:
    """Leave each group out in turn, or ``at_most`` groups that are evenly spread (0: all).

    Where ``patients`` (n,) are given, training is without the patients whose lines are tested: two lines of
    one patient can have two cancer types.

    Raises
    ------
    DataError
        If there are fewer than two groups, or an entry is missing.
    """
    check_number("at_most", at_most, 0, whole=True)
    folds = leave_one_group_out(groups)
    if at_most:
        spread = np.linspace(0, len(folds) - 1, at_most).round().astype(int)
        folds = [folds[i] for i in np.unique(spread)]
    if patients is None:
        return folds
    patients = check_column(patients, len(groups), "patients")
    return [
        replace(fold, train=fold.train[~np.isin(patients[fold.train], patients[fold.test])]) for fold in folds
    ]


def two_class_pairs(table: PairTable) -> np.ndarray:
    """Mark the pairs of drugs that some lines resist and some do not, array (n,) of bool."""
    return pd.Series(table.y).groupby(table.drugs).transform("nunique").to_numpy() > 1


def relabelled(data: ResponseData, table: PairTable, factor: float) -> PairTable:
    """Call a pair resistant where its IC50 exceeds ``factor`` times the drug's maximum concentration.

    The value is a natural logarithm in simulated data and log2 in the GDSC panel.

    Raises
    ------
    DataError
        If the table is not that of ``data``, or an IC50 or a maximum concentration is unknown.
    """
    check_number("factor", factor, 1e-12)
    if not np.array_equal(table.features.encode(data.response), table.codes):
        refuse(data.name, "the table holds other pairs, or in another order", "use PairTable.from_data(data)")
    check_columns(data.drugs, ("max_concentration",), data.name, "drugs")
    asked = data.drugs[["max_concentration"]].reindex(data.response["drug"])
    check_numbers(data.response[["value"]], data.name, "response")
    check_numbers(asked, data.name, "drugs")
    if (asked <= 0).any(axis=None):
        refuse(data.name, "a maximum concentration is not positive", "give it in uM")
    limit = data.drugs["max_concentration"].reindex(data.response["drug"]).to_numpy()
    log = np.log if data.tier == "simulated" else np.log2
    y = (data.response["value"].to_numpy() > log(limit * factor)).astype(int)
    return replace(table, y=y)


def varied_cases(
    tables: Mapping[str, PairTable], gdsc: ResponseData, repeated: PairTable, n_outer: int, seed: int = 0
) -> dict[str, tuple[PairTable, list[Fold]]]:
    """Other pairs or other folds, by name of the case.

    Parameters
    ----------
    tables : mapping
        Pairs of ``"CCLE"`` and ``"GDSC"``.
    gdsc : ResponseData
        GDSC as it was labelled.
    repeated : PairTable
        GDSC with both screens of the drugs that were screened twice.
    n_outer, seed : int

    Returns
    -------
    dict
        Unseen lines of both data sets, all lines of a patient in one fold; CCLE with a patient's pairs of a
        drug in one fold, and stratified by drug and label; GDSC with the cut of its labels
        at half and double the concentration; repeated GDSC pairs split between folds or kept together.

    Raises
    ------
    DataError
        If a data set is missing, or as for :func:`relabelled`.
    """
    if not {"CCLE", "GDSC"} <= set(tables):
        refuse("tables", f"need the pairs of CCLE and GDSC; got {', '.join(tables) or 'none'}")
    ccle = tables["CCLE"]
    strata = np.array([f"{drug}/{label}" for drug, label in zip(ccle.drugs, ccle.y, strict=True)])
    cuts = {"half_cut": 0.5, "double_cut": 2.0}
    cases = {f"{name}.unseen_lines": (t, line_folds(t.patients, n_outer, seed)) for name, t in tables.items()}
    of_patient = np.column_stack([np.unique(ccle.patients, return_inverse=True)[1], ccle.drugs])
    together = stratified_pair_folds(ccle.drugs, n_outer, seed, groups=of_patient)
    cases["CCLE.patients_together"] = ccle, together
    cases["CCLE.stratified_by_label"] = ccle, stratified_pair_folds(strata, n_outer, seed)
    for label, factor in cuts.items():
        shifted = relabelled(gdsc, tables["GDSC"], factor)
        cases[f"GDSC.{label}"] = shifted, stratified_pair_folds(shifted.drugs, n_outer, seed)
    split = stratified_pair_folds(repeated.drugs, n_outer, seed)
    together = stratified_pair_folds(repeated.drugs, n_outer, seed, groups=repeated.codes)
    return cases | {"GDSC.repeats_split": (repeated, split), "GDSC.repeats_together": (repeated, together)}

"""Drug response as people have it: fitted curves, long tables of own make, matrices of lines x drugs.

Whatever the file says, the table that comes out has ln IC50 in uM and the AUC, of which low means sensitive,
and labels of which 1 means resistant.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from helpers.checks import check_direction, check_log_response, refuse
from helpers.data.readers.ids import text_ids
from helpers.data.readers.r_files import pharmaco_set, read_r
from helpers.data.readers.text import Raw, read_table

_MICROMOLAR = np.log(1e6)
#: What a column of response can be, and how it becomes ln IC50 in uM; AUC and labels apart.
_TO_LN: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "ln_ic50": lambda x: x,
    "log2_ic50": lambda x: x * np.log(2),
    "log10_ic50": lambda x: x * np.log(10),
    "pic50": lambda x: _MICROMOLAR - x * np.log(10),
    "ic50_um": np.log,
    "ic50_nm": lambda x: np.log(x) - np.log(1e3),
    "ic50_m": lambda x: np.log(x) + _MICROMOLAR,
}
#: What the values of a matrix can be.
MEASURES = (*_TO_LN, "auc", "aac", "resistant", "sensitive")
#: Names of a column, lower case without blanks, by what it is. The first one that a file has counts.
_COLUMNS: dict[str, tuple[str, ...]] = {
    "line": (
        "line",
        "cell_line_name",
        "cell_line",
        "cellline",
        "cell",
        "ccle_cell_line_name",
        "cellid",
        "sampleid",
    ),
    "cosmic_id": ("cosmic_id", "cosmicid", "cosmic_identifier"),
    "sanger_id": ("sanger_model_id", "sangermodelid"),
    "model_id": ("modelid", "model_id", "depmap_id", "arxspan_id"),
    "drug": ("drug", "drug_name", "drugname", "compound", "compound_name", "treatmentid", "drugid"),
    "drug_id": ("drug_id",),
    "target": ("putative_target", "target", "targets"),
    "cancer_type": ("cancer_type", "tcga_desc", "tcga_classification", "oncotreelineage", "lineage"),
    "ln_ic50": ("ln_ic50", "lnic50", "value"),
    "log2_ic50": ("log2_ic50",),
    "log10_ic50": ("log10_ic50", "logic50"),
    "pic50": ("pic50",),
    "ic50_um": ("ic50_um", "ic50_(um)", "ic50_recomputed", "ic50_published", "ic50_µm"),
    "ic50_nm": ("ic50_nm", "ic50_(nm)"),
    "ic50_m": ("ic50_m", "ic50_(m)"),
    "ic50": ("ic50",),
    "auc": ("auc", "auc_published"),
    "aac": ("aac", "aac_recomputed", "auc_recomputed", "aac_published"),
    "resistant": ("resistant",),
    "sensitive": ("sensitive",),
    "label": ("label", "response"),
}
_IDS = ("line", "cosmic_id", "sanger_id", "model_id", "drug", "drug_id", "target", "cancer_type")
#: What words of a label mean.
WORDS = {"resistant": 1, "resistance": 1, "r": 1, "sensitive": 0, "sensitivity": 0, "s": 0}
_RUN_AWAY = 30.0  # |ln IC50| beyond any concentration


def read_response(path: str | Path, *, measure: str | None = None) -> tuple[pd.DataFrame, list[str]]:
    """Read drug response.

    Read are GDSC's fitted curves (xlsx, csv) and the export of its portal, long tables with a column of lines
    and one of drugs, matrices of lines x drugs, and the sensitivity of a PharmacoSet.

    Parameters
    ----------
    path : str or Path
    measure : str, optional
        What the values of a matrix are, one of :data:`MEASURES`: a matrix does not say so itself.

    Returns
    -------
    response : DataFrame
        One row a line and drug. ``line`` and ``drug`` (names as the file spells them), ``cosmic_id``,
        ``sanger_id``, ``model_id``, ``drug_id``, ``target`` and ``cancer_type`` (text, empty where unknown),
        ``value`` (ln IC50 in uM) and ``auc`` (0 to 1, 1 = no effect), ``resistant`` (1, 0), these NaN where
        unknown. Repeated curves are averaged; labels that contradict each other are NaN.
    notes : list of str
        What was converted, averaged or left out.

    Raises
    ------
    DataError
        If columns are missing, their unit or direction is unclear, or values contradict each other.
    """
    raw = read_table_of_response(path)
    names = {_key(name): at for at, name in reversed(list(enumerate(raw.header)))}
    at = {
        what: next((names[name] for name in known if name in names), None) for what, known in _COLUMNS.items()
    }
    found = {what: raw.table.iloc[:, column] for what, column in at.items() if column is not None}
    if "drug" not in found and "drug_id" not in found:
        if measure is None:
            problem = (
                f"no column of drugs (it has {', '.join(raw.header[:5])}), so it is a matrix of lines x drugs"
            )
            refuse(path, problem, f"say what its values are: measure = {', '.join(MEASURES)}")
        found = _melt(raw, measure)
    elif measure is not None:
        found = _named_measure(found, measure, path)
    ids = _ids(found, path)
    notes = list(raw.notes)
    table = ids.assign(
        value=_ln_ic50(found, raw, notes),
        auc=_auc(found, raw, notes),
        resistant=_resistant(found, raw, notes),
    )
    if table[["value", "auc", "resistant"]].isna().all(axis=None):
        refuse(path, "no column of response", "name it ln_ic50, ic50_um, auc, aac, resistant or sensitive")
    return _one_row_a_pair(table, path, notes), notes


def read_table_of_response(path: str | Path) -> Raw:
    """Read the table, or that of a PharmacoSet."""
    if Path(path).suffix.lower() in (".rds", ".rda", ".rdata"):
        pset = pharmaco_set(read_r(path), path)
        if pset is not None:
            return Raw(Path(path), pset)
    return read_table(path, [name for what in _IDS for name in _COLUMNS[what]])


def _key(name: str) -> str:
    return name.strip().lower().replace(" ", "_").replace(".", "_")


def _melt(raw: Raw, measure: str) -> dict[str, pd.Series]:
    if measure not in MEASURES:
        refuse(raw.path, f"unknown measure {measure!r}", f"one of {', '.join(MEASURES)}")
    table = raw.table
    twice = [name for name in raw.header if raw.header.count(name) > 1]
    if twice:
        refuse(raw.path, f"the header names a drug twice, first {twice[:1]}", "give each its own name")
    line = text_ids(table.iloc[:, 0]).str.removeprefix("COSMIC_")
    if line.has_duplicates:
        refuse(raw.path, f"the line {line[line.duplicated()][0]!r} stands twice", "give one row a line")
    wide = table.iloc[:, 1:].set_axis(line)
    long = wide.melt(var_name="drug", value_name=measure, ignore_index=False).dropna(subset=measure)
    long = long.reset_index(names="line")
    # oncoPredict names drugs "Camptothecin_1003".
    numbered = long["drug"].str.extract(r"^(.*)_(\d+)$")
    if numbered.notna().all(axis=None):
        long["drug"], long["drug_id"] = numbered[0], numbered[1]
    return {name: long[name] for name in long}


def _named_measure(found: Mapping[str, pd.Series], measure: str, path: str | Path) -> dict[str, pd.Series]:
    """Take the one column of values as what the caller says that it is."""
    values = [what for what in found if what in MEASURES or what in ("ic50", "label")]
    if measure not in MEASURES or len(values) != 1:
        problem = f"measure {measure!r} cannot be applied to the columns {', '.join(values)}"
        refuse(path, problem, f"one column of values, and one of {', '.join(MEASURES)}")
    return {measure if what == values[0] else what: column for what, column in found.items()}


def _ids(found: Mapping[str, pd.Series], path: str | Path) -> pd.DataFrame:
    some = next(iter(found.values()))
    ids = pd.DataFrame(
        {what: text_ids(found[what]) if what in found else pd.Index([""] * len(some)) for what in _IDS}
    )
    for what, others in (("line", ("cosmic_id", "sanger_id", "model_id")), ("drug", ("drug_id",))):
        for other in others:
            ids[what] = ids[what].where(ids[what] != "", ids[other])
        unnamed = ids[what] == ""
        if unnamed.any():
            problem = f"{int(unnamed.sum())} row(s) name no {what}, first row {int(unnamed.idxmax()) + 2}"
            refuse(path, problem, f"give a column {what!r} without gaps")
    return ids


def _numbers(column: pd.Series, path: Path) -> np.ndarray:
    number = pd.to_numeric(column, errors="coerce")
    wrong = column[number.isna() & column.notna() & (column.astype(str).str.strip() != "")]
    if len(wrong):
        refuse(path, f"column {column.name!r} holds {wrong.iloc[0]!r}", "give numbers only")
    return number.to_numpy(float)


def _ln_ic50(found: Mapping[str, pd.Series], raw: Raw, notes: list[str]) -> np.ndarray | float:
    what = next((what for what in (*_TO_LN, "ic50") if what in found), None)
    if what is None:
        return np.nan
    x = _numbers(found[what], raw.path)
    if what == "ic50":
        x = _ic50_without_unit(x, raw, notes)
    else:
        with np.errstate(divide="ignore", invalid="ignore"):
            x = _TO_LN[what](x)
        if what != "ln_ic50" or found[what].name != what:
            notes.append(f"Column {found[what].name!r} ({what}) was taken as ln IC50 in uM.")
    if what.startswith("l"):  # of values that are said to be logarithms large ones say that they are not
        check_log_response(np.where(np.isinf(x), np.nan, x), raw.path)
    ran_away = ~np.isnan(x) & ~(np.abs(x) <= _RUN_AWAY)
    if ran_away.any():
        notes.append(f"{ran_away.sum()} IC50 are infinite or beyond any dose; left out.")
    x = np.where(ran_away, np.nan, x)
    check_log_response(x, raw.path)
    return x


def _ic50_without_unit(x: np.ndarray, raw: Raw, notes: list[str]) -> np.ndarray:
    """GDSC's portal calls ln IC50 in uM "IC50"; elsewhere that name does not say the unit."""
    of_portal = {_key(name) for name in raw.header} >= {"cosmic_id", "drug_id", "tcga_classification"}
    if not of_portal and not np.nanmin(x, initial=np.inf) < 0:
        refuse(
            raw.path,
            "column 'IC50' does not say its unit or scale",
            "name it ln_ic50, ic50_um, ic50_nm or ic50_m",
        )
    notes.append("Column IC50 was taken as ln IC50 in uM, as GDSC's portal writes it.")
    return x


def _auc(found: Mapping[str, pd.Series], raw: Raw, notes: list[str]) -> np.ndarray | float:
    what = next((what for what in ("auc", "aac") if what in found), None)
    if what is None:
        return np.nan
    x, name = _numbers(found[what], raw.path), found[what].name
    if (x < 0).any() or (x > 1).any():
        at = "between 0 and 1"
        refuse(
            raw.path,
            f"column {name!r}: expected values {at}, got up to {np.nanmax(x):.4g}",
            "scale them to 0-1",
        )
    if what == "aac":
        notes.append(f"Column {name!r} is the area above the curve; 1 - AAC was taken.")
        return 1 - x
    _check_auc(x, found, raw)
    return x


def _check_auc(auc: np.ndarray, found: Mapping[str, pd.Series], raw: Raw) -> None:
    """Refuse AAC under the name AUC: it falls with the IC50, or is small for most lines under most drugs."""
    remedy = "if it is the area above the curve, name the column 'aac'"
    table = pd.DataFrame({"drug": found.get("drug", found.get("drug_id")), "auc": auc}).dropna()
    ic50 = next((what for what in ("ln_ic50", "ic50", "ic50_um", "log10_ic50") if what in found), None)
    if ic50 is not None:
        table["ic50"] = pd.to_numeric(found[ic50], errors="coerce")
        groups = [part for _, part in table.dropna().groupby("drug") if part["ic50"].nunique() > 2]
        rho = np.array([part["auc"].corr(part["ic50"], method="spearman") for part in groups])
        if sum(map(len, groups)) >= 10 and (rho < 0).mean() > 0.5:
            refuse(raw.path, f"AUC falls with the IC50 in {(rho < 0).sum()} of {len(rho)} drugs", remedy)
    elif len(table) >= 10 and (table.groupby("drug")["auc"].median() < 0.5).mean() > 0.5:
        refuse(raw.path, f"the median AUC is {table['auc'].median():.2g}, and 1 means no effect", remedy)


def _resistant(found: Mapping[str, pd.Series], raw: Raw, notes: list[str]) -> np.ndarray | float:
    what = next((what for what in ("resistant", "sensitive", "label") if what in found), None)
    if what is None:
        return np.nan
    column = found[what]
    words = column.astype(str).str.strip().str.lower().map(WORDS)
    if words.notna().any():
        if (words.isna() & column.notna()).any():
            refuse(
                raw.path, f"column {column.name!r}: unknown label {column[words.isna()].iloc[0]!r}", "R or S"
            )
        return words.to_numpy(float)
    x = _numbers(column, raw.path)
    if not np.isin(x[~np.isnan(x)], (0, 1)).all():
        refuse(raw.path, f"column {column.name!r} must hold 1, 0 or nothing", "0 and 1, or R and S")
    if what == "sensitive":
        notes.append(f"Column {column.name!r} was turned: 1 means resistant here.")
        return 1 - x
    if what == "label":
        value = next(
            (found[name] for name in ("ln_ic50", "log2_ic50", "ic50_um", "auc") if name in found), None
        )
        if value is None:
            problem = f"column {column.name!r} does not say whether 1 is resistant or sensitive"
            refuse(raw.path, problem, "name it 'resistant' or 'sensitive'")
        drug = found.get("drug", found.get("drug_id")).to_numpy()
        check_direction(drug, _numbers(value, raw.path), x, raw.path, f"of column {value.name!r}")
        notes.append(f"Column {column.name!r}: 1 was taken as resistant, which its values agree with.")
    return x


def _one_row_a_pair(table: pd.DataFrame, path: str | Path, notes: list[str]) -> pd.DataFrame:
    keys = ["line", "drug", "drug_id"]
    twice = int(table.duplicated(keys).sum())
    check: dict[str, Any] = dict.fromkeys(
        ("cosmic_id", "sanger_id", "model_id", "target", "cancer_type"), "first"
    )
    if twice:
        notes.append(f"{twice} of {len(table)} curves repeat a line and drug; their mean was taken.")
        table = table.groupby(keys, sort=False).agg(
            check | dict.fromkeys(("value", "auc", "resistant"), "mean")
        )
        table = table.reset_index()
        torn = ~table["resistant"].isin((0, 1)) & table["resistant"].notna()
        if torn.any():
            notes.append(f"{int(torn.sum())} pairs carry both labels; they have none.")
            table.loc[torn, "resistant"] = np.nan
    for what in ("value", "auc"):
        values = table[what].to_numpy(float), table["resistant"].to_numpy(float)
        check_direction(table["drug"].to_numpy(), *values, path, "ln IC50" if what == "value" else "AUC")
    return table[[*_IDS, "value", "auc", "resistant"]]

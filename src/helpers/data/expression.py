"""The two public RNA-seq panels of CCLE lines that stand in for the studies' expression files.

Both are R files, read with :mod:`rdata`; nothing in them is executed. Values are log2(TPM + 1)
(``fhdsl-ccle``) and look like log2(x + 1) of RNA-seq (``hierbipartite-ccle``, inferred). The
studies used RMA arrays, so that numbers are comparable in direction and rank only.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from helpers.checks import check_numbers, check_table, refuse
from helpers.data.readers.r_files import matrix_of, read_r
from helpers.data.sources import Sources
from helpers.errors import DataError

FHDSL = "fhdsl-ccle"
HIERBIPARTITE = "hierbipartite-ccle"
SYMBOLS = "ensembl-symbols"

_META = {
    "CCLEName": "ccle_name",
    "StrippedCellLineName": "stripped_name",
    "CellLineName": "name",
    "COSMICID": "cosmic_id",
    "OncotreeLineage": "lineage",
}
_HIGHEST = 20.0  # log2 scale; anything above is another scale


def fhdsl_panel(sources: Sources) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Read the panel of 1,450 lines and 535 genes (``fhdsl/Intro_to_R``).

    Returns
    -------
    expression : DataFrame, lines x genes, float32
        log2(TPM + 1); index = DepMap ModelID, columns = gene symbol.
    lines : DataFrame
        Index = ModelID; ``ccle_name``, ``stripped_name``, ``name``, ``cosmic_id``, ``lineage``
        (text, empty where unknown).
    """
    table = sources.decoded(FHDSL, _decode_fhdsl)
    lines = table[list(_META.values())]
    expression = table.drop(columns=list(_META.values())).astype(np.float32)
    _check(expression, FHDSL)
    return expression, lines


def hierbipartite_panel(sources: Sources) -> pd.DataFrame:
    """Read the panel of 391 lines and 791 genes (``CalvinTChi/hierBipartite``).

    Returns
    -------
    DataFrame, lines x genes, float32
        Index = CCLE name (``_ESOPHAGUS`` renamed to CCLE's own ``_OESOPHAGUS``), columns = gene
        symbol, or the Ensembl id where no symbol or no unique symbol is known.
    """
    expression = sources.decoded(HIERBIPARTITE, _decode_hierbipartite).astype(np.float32)
    expression.index = expression.index.str.replace("_ESOPHAGUS", "_OESOPHAGUS")
    names = pd.read_csv(sources[SYMBOLS], usecols=["Gene stable ID", "Gene name"], dtype=str)
    symbols = names.drop_duplicates("Gene stable ID").set_index("Gene stable ID")["Gene name"]
    symbol = symbols.reindex(expression.columns)
    usable = symbol.notna() & ~symbol.duplicated(keep=False)
    expression.columns = pd.Index(np.where(usable, symbol, expression.columns), dtype=object)
    _check(expression, HIERBIPARTITE)
    return expression


def match_ccle_names(names: pd.Index, lines: pd.DataFrame) -> tuple[pd.Series, list[str]]:
    """Find lines of the fhdsl panel by CCLE name.

    First by the full CCLE name (``22RV1_PROSTATE``), then, for the rest, by the part before the
    first underscore against the stripped name: DepMap gave a few lines another tissue since.

    Returns
    -------
    model_ids : Series
        ModelID by CCLE name, of the lines that were found, in the order of ``names``.
    by_stripped : list of str
        Names that only the second rule found.
    """
    by_name = {name: model for model, name in lines["ccle_name"].items() if name}
    stripped = lines["stripped_name"]
    unique = stripped[(stripped != "") & ~stripped.duplicated(keep=False)]
    taken = {by_name[name] for name in names if name in by_name}
    by_strip = {name: model for model, name in unique.items() if model not in taken}
    found: dict[str, str] = {}
    by_stripped = []
    for name in names:
        short = name.split("_", 1)[0]
        if name in by_name:
            found[name] = by_name[name]
        elif short in by_strip:
            found[name] = by_strip[short]
            by_stripped.append(name)
    return pd.Series(found, dtype=object), by_stripped


def join_panels(left: pd.DataFrame, right: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    """Put two panels side by side, on the lines that both have.

    Returns
    -------
    expression : DataFrame, lines x genes
        A gene that both panels measure is taken from ``left``.
    shared : int
        Number of such genes.
    """
    shared = left.columns.intersection(right.columns)
    lines = left.index[left.index.isin(right.index)]
    return pd.concat([left.loc[lines], right.loc[lines].drop(columns=shared)], axis=1), len(shared)


def _decode_fhdsl(path: Path) -> pd.DataFrame:
    content = read_r(path)
    try:
        values = content["expression"].set_index("ModelID")
        meta = content["metadata"].set_index("ModelID")[list(_META)].reindex(values.index)
    except KeyError as error:
        msg = f"{path}: expected the tables expression and metadata with a ModelID; {error} is missing"
        raise DataError(msg) from error
    values.columns = values.columns.astype(str).str.removesuffix("_Exp")
    cosmic = pd.to_numeric(meta["COSMICID"]).astype("Int64").astype("string")
    text = meta.assign(COSMICID=cosmic).astype("string").fillna("").astype(object)
    table = values.astype(np.float32).join(text.rename(columns=_META))
    table.index = table.index.astype(str).astype(object)
    return table


def _decode_hierbipartite(path: Path) -> pd.DataFrame:
    try:
        matrix = read_r(path)["CCLE"]["X"]
    except (KeyError, TypeError) as error:
        refuse(path, f"expected the list CCLE with the matrix X; {error} is missing")
    return matrix_of(matrix, path).astype(np.float32)


def _check(expression: pd.DataFrame, key: str) -> None:
    check_table(expression, key, "expression")
    check_numbers(expression, key, "expression")
    if expression.to_numpy().min() < 0 or expression.to_numpy().max() > _HIGHEST:
        refuse(key, f"expected log2 expression between 0 and {_HIGHEST:.0f}")

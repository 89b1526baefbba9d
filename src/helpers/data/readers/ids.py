"""Ids of lines and genes: one spelling each, and which axis of a table holds which."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd

from helpers.checks import refuse

_DEPMAP_GENE = re.compile(r"(\S+) \((\w+)\)")  # "TSPAN6 (7105)"
_GENE = re.compile(r"ENS[A-Z]*G\d{6,}(\.\d+)?|\S+ \((\d+|ENSG\d+|Unknown)\)|MT-[A-Z0-9]+|RP[LS]\d+[A-Z]?")
_LINE = re.compile(
    r"ACH-\d{6}|SIDM\d{5}|CVCL_\w{4}|(DATA\.)?\d{6,7}(\.\d+)?|[A-Z0-9]+(_[A-Z]{3,})+|CDS-\w{6}"
)
#: Genes that nearly every table measures, and that no cell line is named after.
_KNOWN = set(
    """ABL1 ACTB AKT1 ALK APC AR ATM BAX BCL2 BRAF BRCA1 BRCA2 CCND1 CDH1 CDK4 CDKN1A CDKN2A CTNNB1 DDR1 EGFR
    ERBB2 ESR1 FGFR1 FOS GAPDH HIF1A HSP90AA1 IGF1R IL6 JAK2 JUN KIT KRAS MAP2K1 MAPK1 MDM2 MET MTOR MYC NFKB1
    NOTCH1 NRAS PARP1 PCNA PIK3CA PTEN RAF1 RB1 SMAD4 SOX2 SRC STAT3 STK11 TNMD TOP1 TOP2A TP53 TSPAN6 TUBB
    VEGFA VIM""".split()  # noqa: SIM905 - a list of one name a line is no easier to read
)
#: Columns, lower case, that name a gene by its symbol.
SYMBOL_COLUMNS = {
    *("symbol", "symbols", "gene_symbol", "gene_symbols", "pr_gene_symbol", "hgnc_symbol"),
    *("gene_name", "genename", "description"),
}
_COSMIC = (680_000, 2_600_000)
_GENE_WORDS = {
    "gene",
    "genes",
    "symbol",
    "gene_symbol",
    "gene_symbols",
    "ensembl",
    "ensembl_id",
    "geneid",
    "gene_id",
}
_LINE_WORDS = {
    "line",
    "lines",
    "cell",
    "cell_line",
    "cell line",
    "cosmic_id",
    "modelid",
    "depmap_id",
    "sample",
}


def text_ids(ids: pd.Series | pd.Index) -> pd.Index:
    """Return ids as stripped text; whole numbers lose the ``.0`` that a gap in their column gave them."""
    values = pd.Series(np.asarray(ids, dtype=object))
    text = values.where(values.notna(), "").astype(str).str.strip()
    return pd.Index(text.str.replace(r"^(\d+)\.0$", r"\1", regex=True).to_numpy(object), dtype=object)


def genes_are_rows(rows: pd.Index, columns: pd.Index, corner: str, where: object) -> bool:
    """Find out which axis holds genes, by the ids of both and the name of the first column.

    Raises
    ------
    DataError
        If neither says so, or both do.
    """
    word = corner.lower()
    if word in _GENE_WORDS | _LINE_WORDS:
        return word in _GENE_WORDS
    score = _genes(rows) - _genes(columns) + _lines(columns) - _lines(rows)
    if score == 0:
        problem = f"cannot tell lines from genes: rows {list(rows[:3])}, columns {list(columns[:3])}"
        refuse(where, problem, "name the first column 'gene' or 'line', after what its rows are")
    return score > 0


def _genes(ids: pd.Index) -> float:
    number = pd.to_numeric(pd.Series(ids), errors="coerce")
    if number.notna().all() and len(number):
        return float((number < _COSMIC[0]).mean() > 0.5)  # Entrez ids
    return float(np.mean([bool(_GENE.fullmatch(name)) for name in ids]) + bool(_KNOWN & set(ids)))


def _lines(ids: pd.Index) -> float:
    return float(np.mean([bool(_LINE.fullmatch(name)) for name in ids]) > 0.5)


def gene_symbols(ids: pd.Index) -> pd.Index:
    """Return what names genes best: the symbol of ``SYMBOL (entrez)``, an Ensembl id without version."""
    names = [
        match[1] if (match := _DEPMAP_GENE.fullmatch(name)) else name.removesuffix("_Exp") for name in ids
    ]
    return pd.Index(names, dtype=object).str.replace(r"^(ENS[A-Z]*G\d+)\.\d+$", r"\1", regex=True)

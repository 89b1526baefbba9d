"""DepMap 24Q4 expression with the response table of GDSC2, as the GPDS report used them."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from helpers.checks import refuse
from helpers.data.binarise import binarise
from helpers.data.readers.expression import read_expression
from helpers.data.readers.lines import read_lines
from helpers.data.readers.response import read_response
from helpers.data.sources import Sources
from helpers.data.types import BulkPanel, Provenance
from helpers.errors import DataError

EXPRESSION = "depmap-24q4-expression"
MODELS = "depmap-24q4-models"
RESPONSE = "gdsc2-release-8.5"


def load_paper(sources: Sources) -> BulkPanel:
    """Build the panel of the report.

    Lines with expression and at least one curve; drugs are named as in the report,
    ``"Camptothecin (GDSC2:1003)"``, so that two screens of a name stay apart.

    Returns
    -------
    BulkPanel
        ``response`` is the **AUC** (0 to 1, 1 = no effect), as the report's values suggest.

    Raises
    ------
    DataError
        If a file has other columns, or none of the lines is in both.
    """
    expression, notes = read_expression(sources[EXPRESSION])
    models = models_of(sources)
    response = read_curves(sources[RESPONSE])
    known = models[models["cosmic_id"].isin(response.index) & models.index.isin(expression.index)]
    if known.empty:
        msg = f"no line is in {sources[EXPRESSION]}, {sources[MODELS]} and {sources[RESPONSE]}"
        raise DataError(msg)
    values = response.loc[known["cosmic_id"]].set_axis(known.index)
    names = pd.Index([f"{name} (GDSC2:{number})" for number, name, _ in values.columns], dtype=object)
    drugs = pd.DataFrame(
        {
            "drug_id": [str(number) for number, *_ in values.columns],
            "target": [target for *_, target in values.columns],
        },
        index=names,
    )
    values = values.set_axis(names, axis=1)
    notes += [
        f"{len(known)} of {len(response)} screened lines have expression (matched by COSMIC number).",
        "Response is the AUC (0-1, 1 = no effect). Calls follow the waterfall rule, which is our choice.",
    ]
    return BulkPanel(
        name="GDSC2",
        expression=expression.loc[known.index],
        response=values,
        resistant=binarise(values),
        lines=known,
        drugs=drugs,
        provenance=Provenance("paper", sources.files(), tuple(notes)),
    )


def models_of(sources: Sources) -> pd.DataFrame:
    """Return DepMap's models: index = ModelID; ``name``, ``lineage`` and ``cosmic_id`` (text)."""
    lines, _ = read_lines(sources[MODELS])
    lines = lines.rename(columns={"cancer_type": "lineage"})[["name", "lineage", "cosmic_id"]]
    return lines.assign(lineage=lines["lineage"].replace("", "unknown"))


def read_curves(path: Path) -> pd.DataFrame:
    """Return the AUC of fitted curves: COSMIC number (text) x (drug id, drug name, target or "")."""
    table, _ = read_response(path)
    numbered = table.assign(drug_id=pd.to_numeric(table["drug_id"], errors="coerce"))
    wide = numbered.pivot_table(index="cosmic_id", columns=["drug_id", "drug", "target"], values="auc")
    if wide.empty:
        refuse(path, "no AUC with COSMIC and drug numbers", "take GDSC's table of fitted curves")
    return wide.rename_axis(None)

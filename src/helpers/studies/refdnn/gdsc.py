"""GDSC drug response with labels by RefDNN's inferred rule, and a public expression panel."""

from __future__ import annotations

import numpy as np
import pandas as pd

from helpers.data import drugs as drug_table
from helpers.data.expression import FHDSL, fhdsl_panel
from helpers.data.gdsc import IC50, larger_screens, read_ic50
from helpers.data.sources import Sources
from helpers.data.types import Provenance, ResponseData
from helpers.studies.refdnn.files import (
    MODELS,
    RNA_SEQ,
    line_table,
    note_single_class,
    read_annotation,
    read_fingerprints,
    read_patients,
    tissues,
)

FINGERPRINT = "refdnn-fingerprint-gdsc"
ANNOTATION = "refdnn-annotation-gdsc"
#: Registry keys that the loader reads.
FILES = (
    IC50,
    drug_table.STAT,
    drug_table.COMPOUNDS,
    FINGERPRINT,
    ANNOTATION,
    drug_table.TARGET,
    FHDSL,
    MODELS,
)
REPEATS = ("one", "keep")


def load_gdsc(sources: Sources, repeats: str = "one") -> ResponseData:
    """Build the GDSC panel.

    A pair is resistant when its absolute IC50 exceeds the drug's maximum concentration: the rule
    that reproduces RefDNN's CCLE labels, inferred, and in good agreement with its GDSC class
    counts. Drugs are matched to the fingerprint file by name, by GDSC id, or by synonym, see
    :func:`helpers.data.drugs.match_names`.

    Parameters
    ----------
    sources : Sources
        The files of ``FILES``.
    repeats : {"one", "keep"}
        Three drug names were screened twice under two ids. ``"one"`` takes the screen with more
        measured lines (on a tie the one that the drug table lists later); ``"keep"`` keeps both,
        so that a (line, drug) key can stand twice, perhaps with two labels, as in the study's own
        file.

    Returns
    -------
    ResponseData
        ``value`` is log2 of the IC50 in uM; lines are COSMIC numbers. ``max_concentration`` of a
        drug with two kept screens is the higher one; each label follows its own screen.
    """
    fingerprints = read_fingerprints(sources[FINGERPRINT])
    stat = drug_table.read_drug_stat(sources)
    ic50 = read_ic50(sources, stat)
    table, lines = fhdsl_panel(sources)
    models = lines.loc[lines["cosmic_id"] != "", "cosmic_id"]
    models = pd.Series(models.index, index=models.to_numpy(object))
    screened = ic50.index[ic50.index.isin(models.index)]
    matched, how = drug_table.match_names(stat, fingerprints.index, drug_table.read_compounds(sources))
    known = stat.loc[matched.index].assign(drug=matched)
    notes = [
        RNA_SEQ,
        "Labels by the inferred rule: resistant when the absolute IC50 exceeds the maximum concentration.",
        f"{len(screened)} of {len(ic50):,} screened lines have expression here (matched by COSMIC number).",
        f"{len(known)} of {len(stat)} drug ids ({known['drug'].nunique()} names) have a fingerprint; "
        f"{fingerprints.shape[0] - known['drug'].nunique()} of {fingerprints.shape[0]} "
        "fingerprints have no response here.",
        *how,
    ]
    matrix = ic50.loc[screened, known.index]
    twice = known["drug"][known["drug"].duplicated(keep=False)]
    if repeats == "one":
        chosen = larger_screens(matrix, known["drug"])
        dropped = twice.index.difference(chosen)
        matrix, known = matrix[chosen], known.loc[chosen]
        notes.append(
            f"{twice.nunique()} names have two screens ({', '.join(sorted(twice.unique()))}); the one with "
            f"more lines was taken, ids {', '.join(dropped)} were dropped."
        )
    response = _long(matrix, known)
    if repeats == "keep":
        again = int(response.duplicated(["line", "drug"]).sum())
        notes.append(f"{twice.nunique()} names have two screens, both kept: {again:,} pairs repeat a key.")
    note_single_class(response, notes)
    measured = screened[screened.isin(response["line"])]
    names = fingerprints.index[fingerprints.index.isin(known["drug"])]
    drugs, more = drug_table.annotate_drugs(names, sources, known)
    highest = known.groupby("drug")["max_concentration"].max().reindex(names)
    annotated = line_table(
        read_annotation(sources[ANNOTATION]),
        measured,
        notes,
        cosmic_id=measured.to_numpy(object),
        model_id=models[measured].to_numpy(object),
        tissue=tissues(lines["lineage"].loc[models[measured]]),
        patient=read_patients(sources[MODELS], models[measured], notes),
    )
    return ResponseData(
        name="GDSC",
        expression=table.loc[models[measured]].set_axis(measured),
        response=response,
        fingerprints=fingerprints.loc[names],
        lines=annotated,
        drugs=drugs.assign(max_concentration=highest.to_numpy()),
        provenance=Provenance("panel", sources.files(), (*notes, *more)),
    )


def _long(matrix: pd.DataFrame, known: pd.DataFrame) -> pd.DataFrame:
    """One row a measured pair, drug by drug in table order."""
    values = matrix.to_numpy(float).T
    drug, line = np.nonzero(~np.isnan(values))
    value = values[drug, line]
    limit = np.log2(known["max_concentration"].to_numpy())[drug]
    return pd.DataFrame(
        {
            "line": matrix.index.to_numpy(object)[line],
            "drug": known["drug"].to_numpy(object)[drug],
            "resistant": (value > limit).astype(np.int8),
            "value": value,
        }
    )

"""CCLE drug response as RefDNN labelled it: 12 drugs, with a public expression panel."""

from __future__ import annotations

import pandas as pd

from helpers.data import drugs as drug_table
from helpers.data import expression as panels
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
    read_response,
    tissues,
)

RESPONSE = "refdnn-response-ccle"
FINGERPRINT = "refdnn-fingerprint-ccle"
ANNOTATION = "dl4h-annotation-ccle"
HIGHEST_DOSE = 8.0  # uM; CCLE's IC50 values are capped here

_COMMON = (RESPONSE, FINGERPRINT, ANNOTATION, drug_table.TARGET, drug_table.STAT, panels.FHDSL, MODELS)
#: Registry keys that each choice of expression panel reads.
FILES = {"fhdsl": _COMMON, "joined": (*_COMMON, panels.HIERBIPARTITE, panels.SYMBOLS)}


def load_ccle(sources: Sources, expression: str = "fhdsl") -> ResponseData:
    """Build the CCLE panel.

    Labels, ln IC50 (uM) and fingerprints are the study's own files; expression is public RNA-seq
    (log2(TPM + 1)) where the study used arrays.

    Parameters
    ----------
    sources : Sources
        The files of ``FILES[expression]``.
    expression : {"fhdsl", "joined"}
        ``"fhdsl"``: 535 genes, most lines. ``"joined"``: more genes (two panels side by side), on
        the lines that both have.

    Returns
    -------
    ResponseData
        ``value`` is the natural logarithm of the IC50 in uM.
    """
    response = read_response(sources[RESPONSE])
    fingerprints = read_fingerprints(sources[FINGERPRINT])
    table, lines = panels.fhdsl_panel(sources)
    names = pd.Index(response["line"].unique())
    models, by_stripped = panels.match_ccle_names(names, lines)
    table = table.loc[models].set_axis(models.index)
    notes = [
        RNA_SEQ,
        f"{len(by_stripped)} of {len(models)} lines matched by stripped name, not by CCLE name: "
        f"{', '.join(by_stripped)}.",
    ]
    if expression == "joined":
        table, shared = panels.join_panels(table, panels.hierbipartite_panel(sources))
        notes.append(
            f"Two expression panels joined: {table.shape[1]:,} genes on {table.shape[0]} lines; "
            f"{shared} genes that both measure come from the first, and the two scales differ."
        )
    absent = names[~names.isin(table.index)]
    kept = response[response["line"].isin(table.index)].reset_index(drop=True)
    notes.append(
        f"{len(absent)} of {len(names)} lines have no expression here; {len(response) - len(kept):,} of "
        f"{len(response):,} labelled pairs were dropped with them, {len(kept):,} are left."
    )
    note_single_class(kept, notes)
    drugs, more = drug_table.annotate_drugs(fingerprints.index, sources)
    described = lines.loc[models.loc[table.index]]
    annotated = line_table(
        read_annotation(sources[ANNOTATION]),
        table.index,
        notes,
        name=described["name"].to_numpy(object),
        cosmic_id=described["cosmic_id"].to_numpy(object),
        model_id=described.index.to_numpy(object),
        tissue=tissues(described["lineage"]),
        patient=read_patients(sources[MODELS], described.index, notes),
    )
    return ResponseData(
        name="CCLE",
        expression=table,
        response=kept,
        fingerprints=fingerprints,
        lines=annotated,
        drugs=drugs.assign(max_concentration=HIGHEST_DOSE),
        provenance=Provenance("panel", sources.files(), (*notes, *more)),
    )

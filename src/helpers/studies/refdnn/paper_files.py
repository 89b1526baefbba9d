"""The studies' own full files: RefDNN on CCLE and GDSC."""

from __future__ import annotations

from helpers.data import drugs
from helpers.data.sources import Sources
from helpers.data.types import Provenance, ResponseData
from helpers.studies.refdnn import ccle, gdsc
from helpers.studies.refdnn.files import (
    line_table,
    read_annotation,
    read_expression,
    read_fingerprints,
    read_response,
)

_ROLES = ("response", "expression", "fingerprint", "annotation")
_KEYS = {
    "CCLE": (ccle.RESPONSE, "refdnn-expression-ccle", ccle.FINGERPRINT, ccle.ANNOTATION),
    "GDSC": ("refdnn-response-gdsc", "refdnn-expression-gdsc", gdsc.FINGERPRINT, gdsc.ANNOTATION),
}
#: Registry keys that each data set reads.
FILES = {name: (*keys, drugs.TARGET, drugs.STAT) for name, keys in _KEYS.items()}


def load_paper(name: str, sources: Sources) -> ResponseData:
    """Build a data set from the study's own files.

    As in the study a drug is kept if it has a fingerprint and a response, a line if it has
    expression and a response; pairs need both. Repeated (line, drug) pairs stay.

    Parameters
    ----------
    name : {"CCLE", "GDSC"}
    sources : Sources
        The files of ``FILES[name]``.

    Returns
    -------
    ResponseData
        ``value`` is the natural logarithm of the IC50 in uM in CCLE, NaN in GDSC.
    """
    path = {role: sources[key] for role, key in zip(_ROLES, _KEYS[name], strict=True)}
    response = read_response(path["response"])
    expression, renamed = read_expression(path["expression"])
    fingerprints = read_fingerprints(path["fingerprint"])
    usable = response["line"].isin(expression.index) & response["drug"].isin(fingerprints.index)
    kept = response[usable].reset_index(drop=True)
    notes = []
    if not usable.all():
        notes.append(f"{(~usable).sum():,} of {len(response):,} pairs lack expression or a fingerprint.")
    if renamed:
        notes.append(f"{renamed} gene id(s) stand more than once in the source and got a suffix.")
    again = int(kept.duplicated(["line", "drug"]).sum())
    if again:
        notes.append(f"{again:,} pairs repeat a (line, drug) key, as in the study's file.")
    expression = expression.loc[expression.index.isin(kept["line"])]
    fingerprints = fingerprints.loc[fingerprints.index.isin(kept["drug"])]
    cosmic_id = expression.index.to_numpy(object) if name == "GDSC" else ""
    lines = line_table(read_annotation(path["annotation"]), expression.index, notes, cosmic_id=cosmic_id)
    table, more = drugs.annotate_drugs(fingerprints.index, sources)
    if name == "CCLE":
        table["max_concentration"] = ccle.HIGHEST_DOSE
    else:
        stat = drugs.read_drug_stat(sources)
        highest = stat.groupby("drug")["max_concentration"].max()
        table["max_concentration"] = highest.reindex(table.index).to_numpy()
    return ResponseData(
        name=name,
        expression=expression,
        response=kept,
        fingerprints=fingerprints,
        lines=lines,
        drugs=table,
        provenance=Provenance("paper", sources.files(), (*notes, *more)),
    )

"""Open TG-GATEs: human hepatocytes under 146 compounds, in the form and unit of the competition's table."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import rdata

from helpers.bounds import check_number
from helpers.checks import check_log_scale, check_numbers, check_records, check_unique, refuse
from helpers.data.registry import Registry
from helpers.data.sources import Sources
from helpers.data.types import Provenance
from helpers.errors import DataError
from helpers.studies.perturbation.moderated import signed_log_p
from helpers.studies.perturbation.types import ExpressionChanges

ARRAYS = "tggates-small"
#: Doses that make a row; the low one was given to half of the compounds and only joins the residual variance.
DOSES = ("Middle", "High")
#: Cells of the rows, as :func:`contrasts` names them.
CONTEXTS = tuple(f"{dose}, {hours} h" for dose in DOSES for hours in (2, 8, 24))
_DESCRIBED = ["treatmentid", "treatmentid_no", "dose_level", "duration"]


def hepatocyte_changes(sources: Sources) -> ExpressionChanges:
    """Signed -log10 p of every compound, dose and time against its own controls.

    A cell (context) is a dose and a time. Rows of a compound and a time share their two control arrays,
    which the column ``block`` says. The file draws no structures: the compound's number stands for the
    LINCS id, its name for the SMILES string.
    """
    arrays = sources.decoded(ARRAYS, _decode)
    rows, values = contrasts(arrays)
    every = rows["compound"].nunique()
    notes = (
        f"{len(arrays)} arrays of human hepatocytes, {every} compounds: each dose and time against the "
        "controls of its compound and time, limma's moderated t with one model a compound and time (low dose "
        "included where there is one), as sign x -log10 p.",
        "The file has no structures; the name stands in place of the SMILES string.",
    )
    return ExpressionChanges(
        "TG-GATEs", rows, values, "signed -log10 p", Provenance("panel", sources.files(), notes)
    )


def load_arrays(tier: str, *, seed: int = 0, registry: Registry | None = None) -> pd.DataFrame:
    """Load the single arrays, columns as :func:`contrasts` takes them.

    Parameters
    ----------
    tier : {"panel", "simulated"}
        That of the rows which the arrays belong to. The simulated arrays have a compound effect of standard
        deviation 1 and noise of 1, and no interaction.
    seed : int
        Of simulated arrays.
    registry : Registry, optional
        Default: the project's.

    Raises
    ------
    DataError
        If the tier or the seed is unknown.
    DownloadError
        If, with ``"panel"``, the file cannot be had.
    """
    if tier not in ("panel", "simulated"):
        refuse("load_arrays", f"unknown tier {tier!r}; one of panel, simulated")
    check_number("seed", seed, 0, whole=True)
    if tier == "simulated":
        return _simulated_arrays(seed)
    registry = Registry.load() if registry is None else registry
    return Sources.fetch(registry, (ARRAYS,)).decoded(ARRAYS, _decode)


def _simulated_arrays(seed: int, n_compounds: int = 20, n_genes: int = 40) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    design = [
        (f"compound {c + 1}", str(c), dose, hours)
        for c in range(n_compounds)
        for hours in ("2", "8", "24")
        for dose in ("Control", "Control", "Middle", "Middle", "High", "High")
    ]
    info = pd.DataFrame(design, columns=_DESCRIBED)
    effect = rng.normal(size=(n_compounds, n_genes))[info["treatmentid_no"].astype(int)]
    values = 8 + effect * (info["dose_level"] != "Control").to_numpy()[:, None]
    values = values + rng.normal(size=values.shape)
    return pd.concat([info, pd.DataFrame(values, columns=[f"G{i + 1}" for i in range(n_genes)])], axis=1)


def contrasts(arrays: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Make rows and values of a table of arrays.

    Parameters
    ----------
    arrays : DataFrame
        Columns ``treatmentid``, ``treatmentid_no``, ``dose_level`` (Control, Low, Middle, High),
        ``duration`` (h), then log2 expression of genes.

    Returns
    -------
    rows : DataFrame
        The columns of :class:`ExpressionChanges` and ``block``.
    values : DataFrame, rows x genes, float32

    Raises
    ------
    DataError
        If a compound and time has no control, or the table is none of log2 values with the columns above.
    """
    genes = genes_of(arrays)
    rows, values = [], []
    for (compound, hours), part in arrays.groupby(["treatmentid", "duration"], sort=True):
        found = signed_log_p(part[genes].to_numpy(), part["dose_level"].to_numpy(str), "Control")
        for dose in DOSES:
            if dose in found:
                number = part["treatmentid_no"].iloc[0]
                rows.append((f"{dose}, {hours} h", compound, number, compound, f"{compound}, {hours} h"))
                values.append(found[dose])
    columns = ["cell", "compound", "lincs_id", "smiles", "block"]
    table = pd.DataFrame(rows, columns=columns).assign(control=False, split="train")
    return table, pd.DataFrame(np.array(values, np.float32), columns=genes)


def genes_of(arrays: pd.DataFrame) -> pd.Index:
    """Return the genes of a table as :func:`contrasts` takes it; refuse one that is none."""
    check_records(arrays, _DESCRIBED, (), "arrays")
    genes = arrays.columns.drop(_DESCRIBED)
    check_unique(genes, "arrays", "gene(s) stand twice")
    if genes.empty or not arrays["dose_level"].isin(DOSES).any():
        refuse("arrays", f"no genes, or no array of the doses {', '.join(DOSES)}")
    check_numbers(arrays[genes], "arrays", "genes")
    check_log_scale(arrays[genes].to_numpy(), "arrays")
    return genes


def _decode(path: Path) -> pd.DataFrame:
    with warnings.catch_warnings():
        # Classes of Bioconductor, whose slots are read without their constructors.
        warnings.filterwarnings("ignore", message="Missing constructor for R class")
        try:
            profiles = rdata.read_rda(path)["TGGATESsmall"].molecularProfiles["rna"]
            info = pd.DataFrame({name: np.asarray(x) for name, x in profiles.colData.listData.items()})
            values = profiles.assays.data.listData["exprs"].to_numpy().T
            genes = np.asarray(profiles.elementMetadata.listData["Symbol"]).astype(str)
        except Exception as error:
            msg = f"{path} is not a readable R file with the ToxicoSet TGGATESsmall: {error}"
            raise DataError(msg) from error
    described = info[_DESCRIBED].astype(str).astype(object)
    return pd.concat([described, pd.DataFrame(values, columns=genes.astype(object))], axis=1)

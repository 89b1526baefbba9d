"""One entry to the treatment pairs of chapter 05."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from helpers.data import pairs
from helpers.data.pair_types import PerturbationPairs
from helpers.data.pairs import LANDMARKS, resolve_pairs
from helpers.data.registry import Registry
from helpers.data.resolve import Source
from helpers.studies.pertvae import paper_files, signatures, untreated, wells

#: How each set of pairs is read, by tier.
TABLES = pairs.TABLES | {
    "slinky": {"panel": Source((wells.SLINKY, wells.SLINKY_WELLS, LANDMARKS), wells.read_slinky)},
    "cmapm": {"panel": Source((wells.CMAPM, LANDMARKS), wells.read_cmapm)},
    "skbr3": {"panel": Source((wells.SKBR3, LANDMARKS), wells.read_skbr3)},
    "signatures": {"panel": Source(signatures.FILES, signatures.read_signature_pairs)},
    "lincs": {
        "paper": Source(
            (paper_files.LEVEL3, paper_files.WELLS, paper_files.GENES, *untreated.FILES),
            paper_files.read_lincs,
        )
    },
    "drvae": {"paper": Source((paper_files.DRVAE,), paper_files.read_drvae)},
}
#: Arguments of :func:`~helpers.data.pairs_twin.simulate_pairs` for the twin of each set.
TWINS: dict[str, dict[str, Any]] = pairs.TWINS | {
    "slinky": {"n_lines": 8, "effects": {"none": 8}, "replicates": 3, "n_singletons": 0},
    "cmapm": {"n_lines": 4, "effects": {"none": 4, "shift": 4}, "n_singletons": 0},
    "skbr3": {"n_lines": 4, "effects": {"shift": 4, "linear": 4}, "replicates": 3, "n_singletons": 0},
    "signatures": {"n_lines": 16, "effects": {"shift": 16, "linear": 16}, "n_singletons": 12},
    "lincs": {"n_lines": 24, "effects": {"none": 12, "shift": 24, "linear": 24}, "replicates": 3},
    "drvae": {"n_lines": 24, "effects": {"none": 12, "shift": 24, "linear": 24}, "replicates": 2},
}


def load_pairs(
    name: str = "transigen", data: str = "auto", *, seed: int = 0, registry: Registry | None = None
) -> PerturbationPairs:
    """Load treatment pairs: profiles of cell lines before and after a drug.

    Parameters
    ----------
    name : {"transigen", "slinky", "cmapm", "skbr3", "signatures", "lincs", "drvae"}
        ``"transigen"``: see :func:`helpers.data.pairs.load_pairs`. ``"slinky"``: single wells of 8 lines.
        ``"cmapm"``: one plate of A375 wells. ``"skbr3"``: SKBR3 wells, 10 kinase inhibitors, 4 doses, 6
        and 24 h. ``"signatures"``: two drugs in more than fifty lines, rebuilt from Level 5 (the drugs of
        its twin bear their names). On the paper tier: ``"lincs"``, the 19 drugs of PertVAE in LINCS
        Level 3, paired by plate; ``"drvae"``, the file of the authors' later study.
    data : {"auto", "panel", "paper", "simulated"}
        Tier; each name is on one of panel and paper. See :func:`helpers.data.resolve.resolve`.
    seed, registry
        As for :func:`helpers.data.pairs.load_pairs`, and so are the errors.
    """
    pairs = resolve_pairs(name, TABLES, TWINS, data, seed, registry)
    if name == "signatures" and pairs.tier == "simulated":
        named = pairs.pairs["drug"].replace(dict(zip(("shift", "linear"), signatures.STRONG, strict=True)))
        pairs = replace(pairs, pairs=pairs.pairs.assign(drug=named))
    return pairs

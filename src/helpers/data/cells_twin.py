"""Simulated twin of bulk lines with drug response and of single cells of such lines.

One world for chapters 03 and 06: expression of bulk lines with lineages, response from planted
genes, and UMI counts of cells with the habits of real ones: another platform (a shift of each
gene), varying depth, dropout, a cell-cycle programme, and, where asked for, a sensitive and a
resistant state within a line that differ in the planted genes of a drug.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from anndata import AnnData
from scipy import sparse

from helpers.bounds import check_number
from helpers.data.binarise import binarise
from helpers.data.types import BulkPanel, Provenance
from helpers.errors import DataError

#: Drugs of the named twins: those that the chapters ask for, and others.
DRUGS = (
    *("Camptothecin", "Cisplatin", "Docetaxel", "Gefitinib", "Erlotinib", "Afatinib", "Vorinostat"),
    *("PLX-4720", "Irinotecan", "Topotecan", "Paclitaxel", "Lapatinib", "Nutlin-3a (-)", "Trametinib"),
    *("Olaparib", "Palbociclib", "5-Fluorouracil", "Gemcitabine", "Bortezomib", "I-BET-762"),
)
# Standard deviations of the parts of a drug's response, in units of ln IC50.
_PLANTED, _LINE, _LINEAGE, _NOISE = 1.0, 0.35, 0.35, 0.5
_CEILING = 14.0  # highest log2 expression


@dataclass(frozen=True, eq=False)
class CellTruth:
    """What was planted.

    Attributes
    ----------
    weights : DataFrame, drugs x genes
        Change of ln IC50 per standard deviation of a gene, zero for genes that do not matter.
        Positive: high expression makes resistant.
    latent : DataFrame, lines x drugs
        ln IC50 without measurement noise.
    shift : Series
        Difference of each gene between the platforms (log2, cells minus bulk).
    state : Series
        1 for cells in the sensitive state, 0 in the resistant one, NaN without states.
    state_drug : str
        Drug whose planted genes tell the states apart.
    """

    weights: pd.DataFrame
    latent: pd.DataFrame
    shift: pd.Series
    state: pd.Series
    state_drug: str


@dataclass(frozen=True, eq=False)
class _World:
    panel: BulkPanel
    weights: np.ndarray
    spread: np.ndarray
    latent: np.ndarray
    shift: np.ndarray


def simulate_cells(
    seed: int = 0,
    n_lines: int = 120,
    n_cells: int = 320,
    n_genes: int = 300,
    *,
    n_drugs: int = 12,
    n_cell_lines: int = 16,
    planted: int = 8,
    signal: float = 1.0,
    domain_shift: float = 1.0,
    state_gap: float = 0.0,
    state_drug: str | None = None,
    depth: float = 4.0,
    dropout: float = 0.15,
) -> tuple[BulkPanel, AnnData, CellTruth]:
    """Draw bulk lines with response, and cells of some of these lines.

    Parameters
    ----------
    seed : int
        The same arguments and seed give the same data. The panel does not depend on the
        parameters of the cells.
    n_lines, n_genes, n_drugs : int
        Size of the bulk panel; the first drugs are those of :data:`DRUGS`.
    n_cells, n_cell_lines : int
        Cells, spread evenly over the first ``n_cell_lines`` lines.
    planted : int
        Genes that decide the response to a drug, half of them for, half against.
    signal : float
        Factor of the planted part of the response; 0 leaves lineage, line and noise.
    domain_shift : float
        Standard deviation of the platform's shift of a gene, log2.
    state_gap : float
        Distance of the two states in each planted gene of ``state_drug``, log2; 0 for cells
        without states.
    state_drug : str, optional
        Default: the first drug.
    depth : float
        Mean number of molecules counted per gene.
    dropout : float
        Share of molecules' genes that are missed at random.

    Returns
    -------
    panel : BulkPanel
    cells : AnnData
        Counts; ``obs["resistant"]`` is the state (1 resistant, 0 sensitive), NaN without states.
    truth : CellTruth

    Raises
    ------
    DataError
        If the sizes do not fit together.
    """
    if n_cell_lines > n_lines or n_cells < n_cell_lines or n_cell_lines < 1:
        msg = f"{n_cells} cells of {n_cell_lines} lines do not fit a panel of {n_lines} lines"
        raise DataError(msg)
    if n_drugs < 1 or planted < 2 or 2 * planted > n_genes or n_lines < 12:
        msg = (
            f"need 12 lines, a drug, and genes for 2 x {planted} planted ones; got {n_lines} lines, "
            f"{n_drugs} drugs, {n_genes} genes"
        )
        raise DataError(msg)
    if domain_shift < 0 or state_gap < 0 or depth <= 0 or not 0 <= dropout < 1:
        msg = (
            "domain_shift and state_gap must not be negative, depth positive, dropout in [0, 1); got "
            f"{domain_shift}, {state_gap}, {depth}, {dropout}"
        )
        raise DataError(msg)
    names = [*DRUGS, *(f"drug-{code:03d}" for code in range(len(DRUGS) + 1, n_drugs + 1))][:n_drugs]
    drug = names[0] if state_drug is None else state_drug
    if drug not in names:
        msg = f"no drug {drug!r} in the panel; one of {', '.join(names)}"
        raise DataError(msg)
    world = _world("simulated", seed, n_lines, n_genes, names, planted, signal, domain_shift)
    line = np.sort(np.arange(n_cells) % n_cell_lines)
    cells, state = _cells(
        world, line, names.index(drug), state_gap, depth, dropout, np.random.default_rng([seed, 1])
    )
    panel = world.panel
    truth = CellTruth(
        weights=pd.DataFrame(world.weights, panel.response.columns, panel.expression.columns),
        latent=pd.DataFrame(world.latent, panel.expression.index, panel.response.columns),
        shift=pd.Series(world.shift, panel.expression.columns),
        state=pd.Series(state, cells.obs_names),
        state_drug=drug,
    )
    return panel, cells, truth


def simulate_panel(name: str = "GDSC2", seed: int = 0) -> BulkPanel:
    """Draw the twin of a bulk panel: 160 lines, 400 genes, the drugs of :data:`DRUGS`."""
    return _twin(name, seed).panel


def simulate_cell_set(
    name: str, n_lines: int, n_cells: int, seed: int = 0, *, gap: float = 0.0, drug: str = DRUGS[0]
) -> AnnData:
    """Draw counts of cells of the first lines of :func:`simulate_panel` of the same seed.

    Parameters
    ----------
    name : str
        What the set is called.
    n_lines, n_cells : int
        Lines, and cells of each; sets of the same sizes hold the same cells.
    seed : int
    gap : float
        Distance of the two states within a line (log2); 0 for cells without states.
    drug : str
        Drug whose planted genes tell the states apart.
    """
    check_number("seed", seed, 0, whole=True)
    rng = np.random.default_rng([seed, 2, n_lines, n_cells])
    line = np.repeat(np.arange(n_lines), n_cells)
    cells, _ = _cells(_twin("GDSC2", seed), line, DRUGS.index(drug), gap, 4.0, 0.15, rng)
    cells.uns["name"] = name
    return cells


def _twin(name: str, seed: int) -> _World:
    return _world(name, seed, 160, 400, list(DRUGS), 8, 1.0, 1.0)


def _world(
    name: str,
    seed: int,
    n_lines: int,
    n_genes: int,
    drugs: list[str],
    planted: int,
    signal: float,
    domain_shift: float,
) -> _World:
    check_number("seed", seed, 0, whole=True)
    rng = np.random.default_rng([seed, 0])
    lines = pd.Index([f"SIM-{code:06d}" for code in range(1, n_lines + 1)], dtype=object)
    genes = pd.Index([f"GENE{code:04d}" for code in range(1, n_genes + 1)], dtype=object)
    lineage = rng.permutation(np.arange(n_lines) % 6)
    expression, spread = _expression(lineage, n_genes, 2 * planted, rng)
    weights = np.zeros((len(drugs), n_genes))
    # The pool of planted genes is twice as large as a drug needs: drugs share some of them.
    pool = np.flatnonzero(spread >= 1)
    for row in weights:
        chosen = rng.choice(pool, planted, replace=False)
        size = np.where(np.arange(planted) % 2 == 0, 1.0, -1.0) * rng.uniform(0.7, 1.3, planted)
        row[chosen] = _PLANTED * size / np.linalg.norm(size)
    z = (expression - expression.mean(axis=0)) / np.maximum(expression.std(axis=0), 1e-6)
    mean = rng.normal(0, 2, len(drugs))
    line = _LINE * rng.normal(size=(n_lines, 1))
    kind = _LINEAGE * rng.normal(size=(6, len(drugs)))[lineage]
    latent = mean + signal * (z @ weights.T) + line + kind
    measured = latent + _NOISE * rng.normal(size=latent.shape)
    missing = rng.random(latent.shape) < 0.04
    missing[:, 0] = False
    missing[n_lines // 2, 0] = True  # as Camptothecin in GDSC2: one line was not tested
    response = pd.DataFrame(np.where(missing, np.nan, measured), index=lines, columns=drugs)
    note = f"Drawn from a model with {planted} planted genes a drug, seed {seed}; not measured."
    panel = BulkPanel(
        name=name,
        expression=pd.DataFrame(expression.astype(np.float32), index=lines, columns=genes),
        response=response,
        resistant=binarise(response),
        lines=pd.DataFrame(
            {
                "name": [f"LINE{code}" for code in range(1, n_lines + 1)],
                "lineage": np.array([f"Lineage {letter}" for letter in "ABCDEF"], dtype=object)[lineage],
                "cosmic_id": "",
            },
            index=lines,
        ),
        drugs=pd.DataFrame({"drug_id": [str(code) for code in range(1, len(drugs) + 1)]}, index=drugs),
        provenance=Provenance("simulated", notes=(note,)),
    )
    shift = domain_shift * rng.normal(size=n_genes)
    return _World(panel, weights, spread, latent, shift)


def _expression(
    lineage: np.ndarray, n_genes: int, n_pool: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Log2 expression with two modes of gene means, and the spread of each gene's own part."""
    expressed = rng.random(n_genes) < 0.65
    mean = np.where(expressed, rng.uniform(2.5, 8, n_genes), rng.uniform(0, 1.5, n_genes))
    spread = rng.uniform(0.3, 0.9, n_genes)
    pool = rng.choice(n_genes, n_pool, replace=False)
    mean[pool] = rng.uniform(4, 7, n_pool)
    spread[pool] = rng.uniform(1.0, 1.5, n_pool)
    kind = rng.normal(0, 0.8, (6, n_genes)) * (rng.random((6, n_genes)) < 0.3)
    factor = rng.normal(size=(len(lineage), 5)) @ rng.normal(0, 0.25, (5, n_genes))
    values = mean + spread * (rng.normal(size=(len(lineage), n_genes)) + kind[lineage] + factor)
    return np.clip(values, 0, _CEILING), spread


def _cells(
    world: _World,
    line: np.ndarray,
    drug: int,
    gap: float,
    depth: float,
    dropout: float,
    rng: np.random.Generator,
) -> tuple[AnnData, np.ndarray]:
    panel = world.panel
    n_cells, n_genes = len(line), panel.expression.shape[1]
    # Half of each line's cells, in the order of the cells, are sensitive.
    rank = np.arange(n_cells) - np.searchsorted(line, line)
    sensitive = (rank % 2 == 0).astype(float)
    level = panel.expression.to_numpy(float)[line]
    cycle = rng.normal(size=(n_cells, 1)) * np.where(
        rng.random(n_genes) < 0.2, rng.normal(0, 0.5, n_genes), 0
    )
    level = level + world.shift + cycle + rng.normal(0, 0.3, level.shape)
    # High expression of a gene with a positive weight makes resistant.
    level += gap * (0.5 - sensitive[:, None]) * np.sign(world.weights[drug])
    share = np.maximum(2.0 ** np.minimum(level, _CEILING) - 1, 0)
    share /= share.sum(axis=1, keepdims=True)
    size = depth * n_genes * np.exp(rng.normal(0, 0.4, (n_cells, 1)))
    counts = rng.poisson(share * size) * (rng.random(share.shape) >= dropout)
    state = sensitive if gap > 0 else np.full(n_cells, np.nan)
    lines = panel.lines.iloc[line]
    names = pd.Index([f"{name}_{code + 1:04d}" for code, name in enumerate(lines["name"])], dtype=object)
    obs = pd.DataFrame(
        {
            "line": lines["name"].to_numpy(object),
            "model_id": lines.index.to_numpy(object),
            "lineage": lines["lineage"].to_numpy(object),
            "resistant": 1 - state,
            "batch": np.where(rank % 3 == 0, "plate 1", "plate 2"),
        },
        index=names,
    )
    genes = panel.expression.columns
    cells = AnnData(
        sparse.csr_matrix(counts.astype(np.float32)), obs, pd.DataFrame({"source_id": genes}, index=genes)
    )
    cells.uns.update(name="simulated cells", units="counts", provenance=panel.provenance)
    return cells, state

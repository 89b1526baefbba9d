"""Compare a learned drug effect with a planted one: the latent space has no preferred basis."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from helpers.checks import as_matrix, as_numbers
from helpers.errors import DataError


class AlignedEffect(NamedTuple):
    """A drug effect in the basis of reference codes.

    Attributes
    ----------
    W, b : arrays (k, k) and (k,)
    explained : float
        Share of the variance of the reference codes that the affine map explains; the effect means little
        where this is low.
    """

    W: np.ndarray
    b: np.ndarray
    explained: float


def align_effect(W: np.ndarray, b: np.ndarray, codes: np.ndarray, reference: np.ndarray) -> AlignedEffect:
    """Express z2 = z1 + W z1 + b in the basis of reference codes.

    The best affine map from ``codes`` to ``reference``, r = R z + c, turns the effect into
    r2 = r1 + R W R^-1 r1 + (R b - R W R^-1 c). Eigenvalues of W do not depend on the basis.

    Parameters
    ----------
    W, b : arrays (k, k) and (k,)
        Effect on ``codes``.
    codes, reference : arrays (rows, k)
        Codes of the same profiles: learned, and true.

    Raises
    ------
    DataError
        If the codes differ in shape, do not vary, or there are too few rows to fix the map.
    """
    for part, what in ((codes, "codes"), (reference, "reference")):
        as_matrix(part, what)
    for part, what in ((W, "W"), (b, "b")):
        as_numbers(part, what, finite=True)
    if codes.shape != reference.shape:
        msg = f"codes {codes.shape} and reference {reference.shape} must agree in rows and latent units"
        raise DataError(msg)
    rows, latent = codes.shape
    if rows <= latent + 1:
        msg = f"{rows} rows cannot fix an affine map of {latent} latent units; pass at least {latent + 2}"
        raise DataError(msg)
    if W.shape != (latent, latent) or b.shape != (latent,):
        msg = f"W {W.shape} and b {b.shape} are no effect on codes of {latent} latent units"
        raise DataError(msg)
    if any(np.linalg.matrix_rank(part - part.mean(axis=0)) < latent for part in (codes, reference)):
        msg = (
            "a latent unit of the codes or of the reference does not vary by itself, so no map can be turned"
        )
        raise DataError(msg)
    design = np.column_stack([codes, np.ones(rows)])
    solution = np.linalg.lstsq(design, reference, rcond=None)[0]
    rest = reference - design @ solution
    turn, shift = solution[:-1].T, solution[-1]
    turned = turn @ W @ np.linalg.inv(turn)
    centred = reference - reference.mean(axis=0)
    explained = 1 - float((rest**2).sum() / (centred**2).sum())
    return AlignedEffect(turned, turn @ b - turned @ shift, explained)

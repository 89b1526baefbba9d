"""The results of a chapter: recorded one by one or as tables, each with its tier."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path

import pandas as pd
from pandas.io.formats.style import Styler

from helpers.chapter import records
from helpers.chapter.comparison import comparison
from helpers.claims.published import Published, load_published
from helpers.claims.results import Result
from helpers.errors import ParameterError


class Recording:
    """What a chapter has computed so far.

    Attributes
    ----------
    root : Path
        The project.
    tiers : dict of str to str
        Tier of each data set in use.
    results : dict of str to Result
    """

    def __init__(self, root: Path, glued: set[str]) -> None:
        self.root = root
        self.tiers: dict[str, str] = {}
        self.results: dict[str, Result] = {}
        self._method_checks: set[str] = set()
        self._glued = glued

    @cached_property
    def published(self) -> dict[str, Published]:
        """The published numbers of all papers, by id."""
        return load_published(self.root / "data")

    def record(
        self,
        id: str,
        value: float | None,
        *,
        low: float | None = None,
        high: float | None = None,
        p: float | None = None,
        n: int | None = None,
        seeds: int | None = None,
        unit: str | None = None,
        dataset: str | None = None,
        published: float | None = None,
        published_field: str = "mean",
        tolerance: float | None = None,
        note: str | None = None,
    ) -> Result:
        """Record one value under an id; prose of the notebook may cite it as ``{glue}`id```.

        Parameters
        ----------
        id : str
            Like the published id where there is one; unique in the chapter.
        value, low, high, p, n, seeds : number or None
            numpy scalars are welcome; NaN and infinity are written as null.
        unit : str, optional
            ``"difference"`` for a difference: it is then shown with its sign.
        dataset : str, optional
            Decides the tier. Default: the data set that the id starts with; else the result
            carries the least real tier in use.
        published : float, optional
            Default: the number published under this id, if any.
        published_field : {"mean", "median"}
            Which published number the value corresponds to.
        tolerance : float, optional
            How far the value may move between two runs before a comparison reports it.
        note : str, optional

        Raises
        ------
        ParameterError
            If the id is taken, the data set is not in use, or the numbers contradict each other.
        """
        if id in self.results:
            msg = f"result {id!r} is recorded already; every result has its own id"
            raise ParameterError(msg)
        if dataset is None and id.split(".")[0] in self.tiers:
            dataset = id.split(".")[0]
        if published is None:
            published = records.published_number(id, self.published, published_field)
        given = {"value": value, "low": low, "high": high, "p": p, "n": n, "seeds": seeds}
        given |= {"published": published, "tolerance": tolerance}
        real = {name: tier for name, tier in self.tiers.items() if name not in self._method_checks}
        result = Result(
            **{what: records.plain_number(id, what, number) for what, number in given.items()},
            unit=unit,
            dataset=dataset,
            tier=records.result_tier(id, dataset, self.tiers if dataset else real),
            note=note,
        )
        records.check_result(id, result)
        self.results[id] = result
        records.glue_result(id, result, self._glued)
        return result

    def record_table(
        self,
        table: pd.DataFrame,
        id: str,
        *,
        dataset: str | None = None,
        published_field: str = "mean",
        note: str | None = None,
        **names: object,
    ) -> pd.DataFrame:
        """Record every row of a tidy table.

        Parameters
        ----------
        table : DataFrame
            One result a row. ``value``, or ``difference``, is the value (a difference has the unit
            ``"difference"``); ``low``, ``high``, ``p``, ``n``, ``seeds``, ``published``, ``unit`` and
            ``note`` are taken where they are columns; the others may name the result.
        id : str
            Pattern of the ids, e.g. ``"{dataset}.nested_cv.{model}.{metric}"``: a column or one of
            ``names`` in braces.
        dataset, published_field, note
            As for :meth:`record`, for all rows; a note in the table comes first.
        **names
            Constants that the pattern uses beside the columns.

        Returns
        -------
        DataFrame
            ``table``, as it came.

        Raises
        ------
        ParameterError
            If the pattern names a column that is not there, the table has no value, or as for
            :meth:`record`.

        Examples
        --------
        ``chapter.record_table(summarise_folds(metrics, 0.25), "CCLE.nested_cv.{model}.{metric}")``
        """
        constants = names if dataset is None else {"dataset": dataset, **names}
        for row in records.table_rows(table, id, constants):
            self.record(**{"note": note, **row}, dataset=dataset, published_field=published_field)
        return table

    def result(self, id: str) -> Result:
        """Return a recorded result.

        Raises
        ------
        ParameterError
            If nothing is recorded under the id.
        """
        if id not in self.results:
            near = [name for name in self.results if name.rsplit(".", 1)[0] == id.rsplit(".", 1)[0]]
            hint = f"; recorded beside it: {near[:6]}" if near else ""
            msg = f"no result {id!r} is recorded{hint}"
            raise ParameterError(msg)
        return self.results[id]

    def compare_table(self, ids: Sequence[str] | Mapping[str, str], caption: str) -> Styler:
        """Show published and recomputed values side by side.

        Parameters
        ----------
        ids : sequence of result ids, or mapping of row label to id
        caption : str
            What the table shows; the tier is added.

        Returns
        -------
        Styler
            Columns: published, ours, difference, interval, n.
        """
        rows = ids if isinstance(ids, Mapping) else {id: id for id in ids}
        return comparison({label: self.result(id) for label, id in rows.items()}, caption)

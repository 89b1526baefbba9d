"""What a notebook holds: parameters, data, results, figures, verdicts, and the file of results."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import Any

import pandas as pd
from pandas.io.formats.style import Styler
from tqdm import tqdm

from helpers.atomic import write_text
from helpers.chapter import checkpoints, provenance, records
from helpers.chapter.device import device_name, set_seeds, set_threads
from helpers.chapter.figures import Drawn, save_figure, words_of
from helpers.chapter.inputs import Inputs
from helpers.chapter.progress import ProgressReport, progress_bar
from helpers.chapter.settings import Settings, check_settings, checked_name, plain_value
from helpers.chapter.shelf import Shelf, taken_over
from helpers.claims.published import Published, load_published
from helpers.claims.register import ChapterClaims, load_claims
from helpers.claims.results import ChapterResults, FigureFile, Result
from helpers.claims.verdict import ClaimVerdict, judge
from helpers.display import cards
from helpers.display.board import verdict_report
from helpers.display.figures import FigureCard
from helpers.display.frames import use_house_tables
from helpers.display.html import Html
from helpers.display.tables import comparison, tier_text
from helpers.errors import ParameterError
from helpers.plots import use_style
from helpers.project import project_root


class Chapter:
    """A chapter as its notebook sees it; made by :meth:`begin`.

    Attributes
    ----------
    name, title : str
    root : Path
        The project.
    settings : Settings
        Checked parameters; ``profile``, ``data``, ``device``, ``jobs``, ``seed`` and ``out`` are
        also attributes of the chapter.
    parameters : dict
        All parameters, the chapter's own included.
    tiers : dict of str to str
        Tier of each data set in use.
    results : dict of str to Result
    """

    def __init__(self, name: str, parameters: Mapping[str, Any], settings: Settings, root: Path) -> None:
        self.name = name
        self.root = root
        self.settings = settings
        self.parameters = dict(parameters)
        self._inputs = Inputs()
        self.results: dict[str, Result] = {}
        self._cells: dict[str, int] = {}
        self._figures: dict[str, FigureFile] = {}
        self._source = provenance.notebook_source(root, name)
        self._checkpoints = checkpoints.checkpoint_folder(self.out, self._source, self.device, root)
        self._shelves: list[Shelf] = []
        self._glued = records.glued_names(self._source.read_text(encoding="utf-8"))
        self.title = provenance.notebook_title(self._source)
        self._started = datetime.now(UTC)

    @classmethod
    def begin(cls, name: str, parameters: Mapping[str, Any], root: str | Path | None = None) -> Chapter:
        """Begin a chapter: check its parameters, set threads, seeds and the figure style.

        Parameters
        ----------
        name : str
            Name of the notebook, e.g. ``"01_refdnn_reproduction"``.
        parameters : mapping
            ``profile``, ``data``, ``device``, ``jobs``, ``seed``, ``out`` (run folder; empty for
            ``runs/interactive``) and the chapter's own.
        root : str or Path, optional
            Default: the project of the working directory.

        Raises
        ------
        ParameterError
            If there is no such notebook, a parameter is missing or unusable, or there is no ``cuda``.
        """
        root = Path(root).resolve() if root is not None else project_root()
        provenance.notebook_source(root, name)
        settings = check_settings(parameters, root)
        set_threads()
        set_seeds(settings.seed)
        use_style()
        use_house_tables()
        return cls(name, parameters, settings, root)

    profile = property(lambda self: self.settings.profile)
    data = property(lambda self: self.settings.data)
    device = property(lambda self: self.settings.device)
    jobs = property(lambda self: self.settings.jobs)
    seed = property(lambda self: self.settings.seed)
    out = property(lambda self: self.settings.out)
    tiers = property(lambda self: self._inputs.tiers)

    @cached_property
    def published(self) -> dict[str, Published]:
        """The published numbers of all papers, by id."""
        return load_published(self.root / "data")

    @cached_property
    def claims(self) -> ChapterClaims:
        """The chapter's paper, claims and deviations."""
        return load_claims(self.name, self.root / "data", published=self.published)

    # Data ------------------------------------------------------------------------------------

    def use(self, data: Any, *, method_check: bool = False) -> Html:
        """Register data as an input of the chapter and show what they are.

        Parameters
        ----------
        data : ResponseData, AnnData or alike
            Anything with ``name`` and ``provenance`` (an AnnData has them in ``uns``); a text
            ``counts`` says how much it holds.
        method_check : bool
            True for data simulated on purpose, to test a method on planted truth: no banner, and
            they do not count when a result names no data set.

        Raises
        ------
        ParameterError
            If another tier of the same data set is in use already.
        """
        return self._inputs.add(data, method_check=method_check)

    # Results ---------------------------------------------------------------------------------

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
        numbers = {"value": value, "low": low, "high": high, "p": p, "n": n, "seeds": seeds}
        numbers |= {"published": published, "tolerance": tolerance}
        tier = records.result_tier(id, dataset, self.tiers if dataset else self._inputs.real)
        words = {"unit": unit, "dataset": dataset, "tier": tier, "note": note}
        result = records.make_result(id, numbers, words)
        self.results[id] = result
        self._cells |= records.present_cell(id)
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
        found = {label: (id, self.result(id)) for label, id in rows.items()}
        return comparison(found, caption, self.name)

    # Long computations -----------------------------------------------------------------------

    @cached_property
    def memory(self) -> checkpoints.Memory:
        """Cache on disk for long computations; a killed run resumes from it."""
        return checkpoints.Memory(self._checkpoints)

    def shelf(self, module: ModuleType) -> Shelf:
        """Return what all chapters of a run share of the results of a module and its imports."""
        folder = checkpoints.module_folder(self.out, module, self.device, self.root)
        self._shelves.append(Shelf(folder, self.name))
        return self._shelves[-1]

    def progress(self, iterable: Iterable | None = None, label: str = "", total: int | None = None) -> tqdm:
        """Report progress through a loop, with the time left; use like ``tqdm``."""
        return progress_bar(iterable, label, total)

    @cached_property
    def report(self) -> ProgressReport:
        """Callable (what, done, in all) for computations that report their own progress."""
        return ProgressReport()

    # Display ---------------------------------------------------------------------------------

    def header(self) -> Html:
        """Show the box that opens the chapter."""
        facts = [
            ("Input", tier_text(self.tiers) or f"data = {self.data}"),
            ("Profile", self.profile),
            ("Seed", str(self.seed)),
            ("Device", device_name(self.device)),
        ]
        return cards.header(self.claims, facts)

    def figure(
        self,
        figure: Drawn,
        name: str,
        caption: str,
        *,
        alt: str | None = None,
        table: pd.DataFrame | None = None,
        inputs: Sequence[str] | None = None,
    ) -> FigureCard:
        """Save a figure under ``figures`` of the run folder and return it for display.

        Parameters
        ----------
        figure : matplotlib Figure, SvgChart or Altair chart
            See :mod:`helpers.plots.hover` for charts that answer when pointed at.
        name, caption : str
            The file is ``<number of the chapter>_<name>``; tier and size of the data follow the caption.
        alt : str, optional
            What is to be seen. Default: titles, axes and series of a drawn figure.
        table : DataFrame, optional
            What is drawn. Default: the table that the plot keeps, if any.
        inputs : sequence of str, optional
            Data sets shown. Default: those that caption or text name; all where they name none.
        """
        stem = f"{self.name.split('_')[0]}_{checked_name('figure', name)}"
        alt = alt or words_of(figure, caption)
        caption = f"{caption.rstrip()} Input: {self._inputs.text(inputs, f'{caption} {alt}')}."
        folder = self.settings.target / "figures"
        card = save_figure(figure, folder, stem, caption, alt, table)
        self._figures[name] = FigureFile(name=name, file=f"figures/{stem}.svg", caption=caption)
        return card

    def judge(self) -> list[ClaimVerdict]:
        """Judge the chapter's claims with what is recorded."""
        return [judge(claim, self.results, self.tiers, self.published) for claim in self.claims.claims]

    def verdicts(self) -> Html:
        """Judge the chapter's claims with what is recorded, and show the board with all evidence.

        Prose cites an outcome as ``{glue}`verdict.<claim id>.<part>```.
        """
        verdicts = self.judge()
        records.glue_verdicts(verdicts, self._glued)
        return verdict_report(verdicts)

    def deviations(self) -> Html:
        """Show where this re-execution departs from the paper or has to guess."""
        return cards.deviations(self.claims.deviations, self.results)

    # End -------------------------------------------------------------------------------------

    def snapshot(self) -> ChapterResults:
        """Return everything recorded so far, as it is written to the file of results."""
        return ChapterResults(
            schema_=1,
            chapter=self.name,
            title=self.title,
            profile=self.profile,
            # Where the run folder lies does not change a number.
            parameters={key: plain_value(value) for key, value in self.parameters.items() if key != "out"},
            tiers=dict(self.tiers),
            method_checks=sorted(self._inputs.method_checks),
            inputs=self._inputs.files,
            commit=provenance.git_commit(self.root),
            source=provenance.source_hash(self._source),
            versions=provenance.versions(),
            device=self.device,
            threads=self.jobs,
            results=self.results,
            cells=self._cells,
            figures=list(self._figures.values()),
            times=provenance.execution_times(self._started, self._checkpoints / checkpoints.TIMES)
            | taken_over(self._shelves),
        )

    def finish(self) -> Html:
        """Write ``results/<chapter>.json`` of the run folder and show the compute card.

        The file appears complete or not at all; an earlier one survives a full disk or an interrupt.
        """
        snapshot = self.snapshot()
        write_text(self.settings.target / "results" / f"{self.name}.json", snapshot.to_json())
        checkpoints.finish(self.memory, snapshot.times)
        for shelf in self._shelves:
            checkpoints.tidy(shelf.folder)
        return cards.compute_card(snapshot, device_name(self.device))

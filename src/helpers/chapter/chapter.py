"""What a notebook holds: parameters, data, results, figures, verdicts, and the file of results."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import joblib
import numpy as np
from matplotlib.figure import Figure
from tqdm import tqdm

from helpers.atomic import write_text
from helpers.chapter import display, provenance, records
from helpers.chapter.device import device_name, set_seeds, set_threads
from helpers.chapter.figures import save_figure
from helpers.chapter.progress import ProgressReport, progress_bar
from helpers.chapter.recording import Recording
from helpers.chapter.settings import Settings, check_settings
from helpers.claims.board import tier_text
from helpers.claims.register import ChapterClaims, load_claims
from helpers.claims.results import ChapterResults, FigureFile, InputFile
from helpers.claims.verdict import ClaimVerdict, judge
from helpers.data.types import ResponseData
from helpers.errors import ParameterError
from helpers.plots import SvgChart, use_style
from helpers.project import project_root

_FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")


class Chapter(Recording):
    """A chapter as its notebook sees it; made by :meth:`begin`.

    Attributes
    ----------
    name, title : str
    settings : Settings
        Checked parameters; ``profile``, ``data``, ``device``, ``jobs``, ``seed`` and ``out`` are
        also attributes of the chapter.
    parameters : dict
        All parameters, the chapter's own included.
    root, tiers, results
        See :class:`Recording`.
    """

    def __init__(self, name: str, parameters: Mapping[str, Any], settings: Settings, root: Path) -> None:
        self._source = provenance.notebook_source(root, name)
        super().__init__(root, records.glued_names(self._source.read_text(encoding="utf-8")))
        self.name = name
        self.settings = settings
        self.parameters = dict(parameters)
        self._inputs: set[tuple[str, str]] = set()
        self._counts: dict[str, str] = {}
        self._figures: dict[str, FigureFile] = {}
        self._checkpoints = self.out / "checkpoints" / name / provenance.computation_hash(self._source)[:12]
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
            ``runs/<profile>``) and the chapter's own.
        root : str or Path, optional
            Default: the project of the working directory.

        Raises
        ------
        ParameterError
            If there is no such notebook, a parameter is missing or unusable, or device ``cuda``
            is asked for and not there.
        """
        root = Path(root).resolve() if root is not None else project_root()
        provenance.notebook_source(root, name)
        settings = check_settings(parameters, root)
        set_threads()
        set_seeds(settings.seed)
        use_style()
        return cls(name, parameters, settings, root)

    profile = property(lambda self: self.settings.profile)
    data = property(lambda self: self.settings.data)
    device = property(lambda self: self.settings.device)
    jobs = property(lambda self: self.settings.jobs)
    seed = property(lambda self: self.settings.seed)
    out = property(lambda self: self.settings.out)

    @cached_property
    def claims(self) -> ChapterClaims:
        """The chapter's paper, claims and deviations."""
        return load_claims(self.name, self.root / "data", published=self.published)

    # Data ------------------------------------------------------------------------------------

    def use(self, data: Any, *, method_check: bool = False) -> display.Html:
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
        if hasattr(data, "uns"):
            name, source = data.uns["name"], data.uns["provenance"]
        else:
            name, source = data.name, data.provenance
        if self.tiers.get(name, source.tier) != source.tier:
            msg = f"{name} is in use on the {self.tiers[name]} tier; one run cannot use {source.tier} too"
            raise ParameterError(msg)
        self.tiers[name] = source.tier
        if method_check:
            self._method_checks.add(name)
        self._inputs.update((file.name, file.sha256) for file in source.files)
        counts = self._counts[name] = _counts(data)
        return display.data_card(
            name, source.tier, f": {counts}" if counts else "", source.notes, method_check=method_check
        )

    # Long computations -----------------------------------------------------------------------

    @cached_property
    def memory(self) -> joblib.Memory:
        """Cache on disk for long computations; a killed run resumes from it."""
        return joblib.Memory(self._checkpoints, verbose=0)

    def checkpoint(self, name: str) -> Path:
        """Return a path for storage that a killed run resumes from, e.g. of Optuna; its folder exists."""
        self._checkpoints.mkdir(parents=True, exist_ok=True)
        return self._checkpoints / _checked_name("checkpoint", name)

    def progress(self, iterable: Iterable | None = None, label: str = "", total: int | None = None) -> tqdm:
        """Report progress through a loop, with the time left; use like ``tqdm``."""
        return progress_bar(iterable, label, total)

    @cached_property
    def report(self) -> ProgressReport:
        """Callable (what, done, in all) for computations that report their own progress."""
        return ProgressReport()

    # Display ---------------------------------------------------------------------------------

    def header(self) -> display.Html:
        """Show the box that opens the chapter: paper, claims, tier, profile, device."""
        facts = [
            ("Input", tier_text(self.tiers) or f"data = {self.data}"),
            ("Profile", self.profile),
            ("Seed", str(self.seed)),
            ("Device", device_name(self.device)),
        ]
        return display.header(self.claims, facts)

    def figure(self, figure: Figure | SvgChart, name: str, caption: str) -> display.FigureCard:
        """Save a figure under ``figures`` of the run folder and return it for display.

        Parameters
        ----------
        figure : matplotlib Figure or SvgChart
            A matplotlib figure is saved as PNG and SVG and closed; a chart as SVG.
        name : str
            Letters, digits, ``_`` and ``-``; the file is ``<number of the chapter>_<name>``.
        caption : str
            What it shows; tier and size of the data are added.
        """
        stem = f"{self.name.split('_')[0]}_{_checked_name('figure', name)}"
        caption = f"{caption.rstrip()} Input: {self._inputs_text()}."
        file, card = save_figure(figure, self.out / "figures", stem, caption)
        self._figures[name] = FigureFile(name=name, file=f"figures/{file}", caption=caption)
        return card

    def _inputs_text(self) -> str:
        sizes = {name: f": {counts}" if counts else "" for name, counts in self._counts.items()}
        return "; ".join(f"{name} ({tier}){sizes[name]}" for name, tier in self.tiers.items()) or "none"

    def judge(self) -> list[ClaimVerdict]:
        """Judge the chapter's claims with what is recorded."""
        return [judge(claim, self.results, self.tiers) for claim in self.claims.claims]

    def verdicts(self) -> display.Html:
        """Judge the chapter's claims with what is recorded, and show the board with all reasons."""
        return display.verdict_report(self.judge())

    def deviations(self) -> display.Html:
        """Show where this re-execution departs from the paper or has to guess."""
        return display.deviations(self.claims.deviations, self.results)

    # End -------------------------------------------------------------------------------------

    def snapshot(self) -> ChapterResults:
        """Return everything recorded so far, as it is written to the file of results."""
        return ChapterResults(
            schema_=1,
            chapter=self.name,
            title=self.title,
            profile=self.profile,
            # Where the run folder lies does not change a number.
            parameters={key: _plain(value) for key, value in self.parameters.items() if key != "out"},
            tiers=dict(self.tiers),
            method_checks=sorted(self._method_checks),
            inputs=[InputFile(name=name, sha256=sha256) for name, sha256 in sorted(self._inputs)],
            commit=provenance.git_commit(self.root),
            source=provenance.source_hash(self._source),
            versions=provenance.versions(),
            device=self.device,
            threads=self.jobs,
            results=self.results,
            figures=list(self._figures.values()),
            times=provenance.execution_times(self._started, self._checkpoints / "times.json"),
        )

    def finish(self) -> display.Html:
        """Write ``results/<chapter>.json`` of the run folder and show the compute card.

        The file appears complete or not at all; an earlier one survives a full disk or an
        interrupt.
        """
        snapshot = self.snapshot()
        write_text(self.out / "results" / f"{self.name}.json", snapshot.to_json())
        write_text(self._checkpoints / "times.json", json.dumps(snapshot.times))
        return display.compute_card(snapshot, device_name(self.device))


def _counts(data: Any) -> str:
    if hasattr(data, "n_obs"):
        return f"{data.n_obs:,} cells, {data.n_vars:,} genes"
    if isinstance(data, ResponseData):
        return (
            f"{len(data.expression):,} lines, {len(data.fingerprints):,} drugs, "
            f"{len(data.response):,} pairs, {data.expression.shape[1]:,} genes"
        )
    return getattr(data, "counts", "")


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    return list(value) if isinstance(value, tuple) else value


def _checked_name(what: str, name: str) -> str:
    if not _FILE_NAME.fullmatch(name):
        msg = f"{what} name {name!r} must be letters, digits, '_' and '-'"
        raise ParameterError(msg)
    return name

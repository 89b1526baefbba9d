"""The results of a ranking as JSON, and as one page in the book's style."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from helpers.atomic import write_text
from helpers.bench.ranking import Job, Ranking
from helpers.display.figures import FigureCard
from helpers.display.html import STYLE, table
from helpers.plots.described import describe
from helpers.plots.scores import forest
from helpers.plots.style import use_style
from helpers.plots.themed import draw_svg, themed

_HEAD = """<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1"><title>{title}</title>
<style>:root {{color-scheme: light dark}}
body {{font-family: -apple-system, "Segoe UI", Roboto, Arial, sans-serif;
 max-width: 60rem; margin: 1.5rem auto; padding: 0 1rem; line-height: 1.5}}</style>{style}</head><body>"""


def as_json(job: Job, ranking: Ranking, facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return everything that the page shows as plain values; ``facts`` are of the run: versions, time."""
    return {
        "kind": job.kind,
        "data": job.name,
        "tier": job.provenance.tier,
        "files": [{"name": file.name, "sha256": file.sha256} for file in job.provenance.files],
        "counts": job.counts,
        "asks": job.asks,
        "target": job.target,
        "metric": job.metric,
        "folds": len(job.folds),
        "seeds": job.seeds,
        "unit": job.unit,
        "results": _records(ranking.summary),
        "differences": _records(ranking.differences),
        "excluded": ranking.excluded,
        "notes": list(job.provenance.notes),
        "join": {what: _records(report.reset_index(names=what)) for what, report in job.reports.items()},
        **facts,
    }


def write(folder: Path, content: Mapping[str, Any], page: str) -> tuple[Path, Path]:
    """Write ``results.json`` and ``index.html`` into a folder; a killed write leaves the old ones."""
    paths = folder / "results.json", folder / "index.html"
    for path, text in zip(paths, (json.dumps(content, indent=1, allow_nan=False), page), strict=True):
        write_text(path, text)
    return paths


def page_html(content: Mapping[str, Any]) -> str:
    """Return the page of the results of :func:`as_json`; every name in them is escaped."""
    results, metric = pd.DataFrame(content["results"]), content["metric"]
    shown = results[results["metric"] == metric]
    scored = shown.dropna(subset="value")
    best = scored["model"].iloc[0]
    title = f"{content['data']}, {content['asks']}: {_headline(content, best)}"
    counts = ", ".join(f"{number:,} {what}" for what, number in content["counts"].items())
    size = (
        f"{counts}; {content['folds']} fold(s) in all, {content['seeds']} seed(s); the unit of the intervals "
        f"is the {content['unit']}; tier {content['tier']}."
    )
    lost = [
        (what, row[what], row["why"])
        for what, report in content["join"].items()
        for row in report
        if row["how"] == "lost"
    ]
    sections = {
        "Ranking": table(
            ["", "model", metric, "95 % interval", "n"],
            [
                (at, row.model, _number(row.value), _interval(row.low, row.high), row.n)
                for at, row in enumerate(shown.itertuples(), 1)
            ],
        ),
        "How sure is the first place?": _figure(content, best),
        "Other metrics": table(
            ["metric", "model", "value", "95 % interval"],
            [
                (row.metric, row.model, _number(row.value), _interval(row.low, row.high))
                for row in results[results["metric"] != metric].itertuples()
            ],
        ),
        "Not scored": _list(content["excluded"]) or "<p>Nothing: every drug and group has a value.</p>",
        "What was read, and how it was joined": _list(content["notes"]),
        "Lost in the join": table(["what", "name", "why"], lost) if lost else "<p>Nothing.</p>",
        "Files": table(["file", "sha256"], [(file["name"], file["sha256"]) for file in content["files"]]),
    }
    body = "".join(f'<h2>{name}</h2><div class="hs-box">{part}</div>' for name, part in sections.items())
    head = _HEAD.format(title=escape(title), style=STYLE)
    return f"{head}<h1>{escape(title)}</h1><p>{escape(size)}</p>{body}</body></html>"


def _headline(content: Mapping[str, Any], best: str) -> str:
    """Say whether the first place is more than chance: who cannot be told apart from it."""
    if not content["differences"]:
        return f"{best} alone"
    tied = [row["model"] for row in content["differences"] if row["low"] is None or row["low"] <= 0]
    if not tied:
        return f"{best} is ahead of every other model"
    return f"{best} is first, not told apart from {', '.join(tied[:3])}{' and more' if len(tied) > 3 else ''}"


def _figure(content: Mapping[str, Any], best: str) -> str:
    rows = pd.DataFrame(content["differences"]).rename(columns={"model": "label"})
    rows = rows.astype(dict.fromkeys(("difference", "low", "high"), float))
    # A dollar sign in a name would start a formula.
    rows["label"] = rows["label"].str.replace("$", r"\$")
    caption = (
        f"{best} minus each other model in the same folds, {content['metric']}, 95 % intervals, "
        "not corrected for the choice of the first."
    )
    if rows.empty:
        return "<p>There is one model.</p>"
    with plt.rc_context():
        use_style()
        title = _headline(content, best).replace("$", r"\$")
        figure = forest(rows, title=title, xlabel=f"difference of {content['metric']}")
        card = FigureCard(themed(draw_svg(figure), "ranking"), caption, name="ranking", alt=describe(figure))
        plt.close(figure)
    return card._repr_html_()


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    plain = frame.astype(object).where(frame.notna(), None)
    return [
        {name: value.item() if isinstance(value, np.generic) else value for name, value in row.items()}
        for row in plain.to_dict("records")
    ]


def _number(value: float | None) -> str:
    return "undefined" if value is None or pd.isna(value) else f"{value:.3f}"


def _interval(low: float | None, high: float | None) -> str:
    return "–" if low is None or pd.isna(low) else f"[{low:.3f}, {high:.3f}]"


def _list(lines: Sequence[str]) -> str:
    return f"<ul>{''.join(f'<li>{escape(line)}</li>' for line in lines)}</ul>" if lines else ""

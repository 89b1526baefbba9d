"""What a published site has beside its pages: feed, changelog, record as a crate, notebooks for Colab."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from helpers.book.colab import colab_notebooks
from helpers.book.crate import record_crate
from helpers.book.edition import EDITION, edition
from helpers.book.feed import changes_feed
from helpers.run.state import load_run

if TYPE_CHECKING:
    from helpers.book.stage import Material

_EXTRA = Path("book") / "extra"  # goes to the top of the site as it is
_CHANGELOG = "CHANGELOG.md"


def published_files(material: Material) -> dict[Path, str]:
    """Return the text of every such file by its path in the staged tree."""
    config = yaml.safe_load((material.root / "_config.yml").read_text(encoding="utf-8"))
    record = load_run(material.record) if material.record else None
    is_record = material.record is not None and material.folder.samefile(material.record)
    files = {EDITION: json.dumps(edition(material.run, record, is_record))}
    changelog = _text(material.root / _CHANGELOG)
    files[Path("book") / "generated" / "changelog.md"] = changelog_page(changelog)
    if site := config.get("html", {}).get("baseurl"):
        files[_EXTRA / "feed.xml"] = changes_feed(site, config["title"], config["author"], changelog, record)
    if repository := config.get("repository", {}).get("url"):
        notebooks = colab_notebooks(material.root, repository)
        files |= {_EXTRA / "colab" / f"{name}.ipynb": text for name, text in notebooks.items()}
        if material.record is not None:
            files |= _record(material.record, config, repository)
    return files


def changelog_page(changelog: str) -> str:
    """Return the changelog without its title, its links as they are from the folder ``book``."""
    body = re.sub(r"\A# .*\n", "", changelog)
    return re.sub(r"\]\(book/", "](", body)


def _record(folder: Path, config: dict[str, Any], repository: str) -> dict[Path, str]:
    crate = record_crate(folder, config["title"], repository, config["author"])
    texts = {"ro-crate-metadata.json": json.dumps(crate, indent=1)}
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            texts[path.relative_to(folder).as_posix()] = path.read_text(encoding="utf-8")
    return {_EXTRA / "record" / name: text for name, text in texts.items()}


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.is_file() else ""

"""Conditions that differ in a few words of their ids: written once, with ``each``."""

from __future__ import annotations

import itertools
import re
from typing import Any

_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")


def expand(conditions: object) -> object:
    """Write out the conditions that carry ``each``.

    Parameters
    ----------
    conditions : list of mappings
        As in a claims file. ``each`` gives the words that stand for a placeholder in ``result`` and, if it
        is named there too, in ``published`` and ``label``: a list of words, or a mapping of the word in the
        id to the text
        in the label. The first placeholder changes slowest.

    Returns
    -------
    list of mappings
        Without ``each``, in order. What is no list of mappings comes back as it is, to be refused later.

    Raises
    ------
    ValueError
        If a placeholder is unknown or not used in ``result``, or ``each`` has another form.

    Examples
    --------
    >>> expand([{"result": "A.{m}", "label": "{m} on A", "each": {"m": {"F1": "F1 score", "AP": "AUPR"}}}])
    [{'result': 'A.F1', 'label': 'F1 score on A'}, {'result': 'A.AP', 'label': 'AUPR on A'}]
    """
    if not isinstance(conditions, list):
        return conditions
    return [written for condition in conditions for written in _expand_one(condition)]


def _expand_one(condition: object) -> list[Any]:
    if not isinstance(condition, dict):
        return [condition]
    texts = {name: condition[name] for name in ("result", "label") if isinstance(condition.get(name), str)}
    pair = condition.get("published")
    if isinstance(pair, list) and all(isinstance(id, str) for id in pair):
        texts |= {f"published {i}": id for i, id in enumerate(pair)}
    used = {name: set(_PLACEHOLDER.findall(text)) for name, text in texts.items()}
    choices = _choices(condition["each"]) if "each" in condition else {}
    for name, found in used.items():
        if unknown := sorted(found - choices.keys()):
            msg = f"{name} {texts[name]!r} names {_braced(unknown)}; each has {_braced(choices) or 'none'}"
            raise ValueError(msg)
    if unused := [name for name in choices if name not in used.get("result", ())]:
        msg = f"each gives {_braced(unused)}, which result {condition.get('result')!r} does not name"
        raise ValueError(msg)
    rest = {name: value for name, value in condition.items() if name != "each"}
    written = []
    for chosen in itertools.product(*(words.items() for words in choices.values())):
        words, labels = [word for word, _ in chosen], [text for _, text in chosen]
        filled = {
            name: _fill(text, choices, labels if name == "label" else words) for name, text in texts.items()
        }
        ids = [filled.pop(name) for name in list(filled) if name.startswith("published ")]
        written.append({**rest, **filled, **({"published": ids} if ids else {})})
    return written


def _choices(each: object) -> dict[str, dict[str, str]]:
    """Return, for every placeholder, the text of each word."""
    if not isinstance(each, dict) or not each:
        msg = f"each must map placeholders to their words, got {each!r}"
        raise ValueError(msg)
    choices = {}
    for name, words in each.items():
        pairs = words.items() if isinstance(words, dict) else [(w, w) for w in _list(words)]
        if not pairs or not all(_is_word(part) for pair in pairs for part in pair):
            msg = f"each: {_braced([name])} needs a list of words or a mapping of word to text, got {words!r}"
            raise ValueError(msg)
        choices[name] = {str(word): str(text) for word, text in pairs}
        if len(choices[name]) < len(pairs):
            msg = f"each: {_braced([name])} has a word twice: {words!r}"
            raise ValueError(msg)
    return choices


def _list(words: object) -> list[object]:
    return words if isinstance(words, list) else []


def _is_word(word: object) -> bool:
    return isinstance(word, str | int | float) and not isinstance(word, bool)


def _fill(text: str, names: dict[str, Any], words: list[str]) -> str:
    given = dict(zip(names, words, strict=True))
    return _PLACEHOLDER.sub(lambda found: given[found[1]], text)


def _braced(names: Any) -> str:
    return ", ".join(f"{{{name}}}" for name in names)

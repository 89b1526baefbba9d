"""Readings of an under-specified point: the same rules over the results of each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

#: Keys of a condition whose texts may hold a reading's placeholder.
_TEXTS = ("result", "label", "published")


def fill(rules: Any, words: Mapping[str, str]) -> Any:
    """Fill a reading's words into the conditions of raw rules.

    Parameters
    ----------
    rules : mapping of part to rule
        As in a claims file.
    words : mapping of placeholder to word

    Returns
    -------
    Rules of the same form; other placeholders are left for ``each``.

    Examples
    --------
    >>> fill({"sound": {"conditions": [{"result": "A.{protocol}.{m}"}]}}, {"protocol": "cv"})
    {'sound': {'conditions': [{'result': 'A.cv.{m}'}]}}
    """
    if isinstance(rules, Mapping):
        return {
            key: _text(value, words) if key in _TEXTS else fill(value, words) for key, value in rules.items()
        }
    return [fill(item, words) for item in rules] if isinstance(rules, list) else rules


def _text(value: Any, words: Mapping[str, str]) -> Any:
    if isinstance(value, list):
        return [_text(item, words) for item in value]
    if isinstance(value, str):
        for name, word in words.items():
            value = value.replace(f"{{{name}}}", word)
    return value

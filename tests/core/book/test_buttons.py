"""Buttons lead to what can be edited or opened."""

from __future__ import annotations

import copy

from helpers.book.buttons import mended

HOST = "https://example.org/me"
CHAPTER = "notebooks/01_demo"
EDIT = f"{HOST}/edit/main/notebooks/01_demo.ipynb"
BUTTONS = [
    {
        "type": "group",
        "label": "launch-buttons",
        "buttons": [
            {"type": "link", "text": "Binder", "url": "https://binder/me/book/main?urlpath=lab/tree/notebooks/01_demo.ipynb"},
            {"type": "link", "text": "Colab", "url": "https://colab/github/me/book/blob/main/notebooks/01_demo.ipynb"},
        ],
    },
    {
        "type": "group",
        "label": "source-buttons",
        "buttons": [
            {"type": "link", "label": "source-repository-button", "url": HOST},
            {"type": "link", "label": "source-edit-button", "url": EDIT},
        ],
    },
    {"type": "javascript", "text": "", "label": "fullscreen-button", "javascript": "toggle()"},
]  # fmt: skip


def addresses(page, **kwargs):
    before = copy.deepcopy(BUTTONS)
    shown = mended(BUTTONS, page, **kwargs)
    assert before == BUTTONS
    flat = [inner for button in shown for inner in button.get("buttons", [button])]
    return {button.get("text") or button["label"]: button.get("url") for button in flat}


def test_a_chapter_is_edited_as_its_script_and_opened_with_its_install_cell():
    shown = addresses(CHAPTER, binder={CHAPTER: "smoke/01_demo.ipynb"}, has_colab=True)
    assert shown["source-edit-button"] == f"{HOST}/edit/main/notebooks/01_demo.py"
    assert shown["Colab"] == "https://colab/github/me/book/blob/colab/01_demo.ipynb"
    assert shown["Binder"] == "https://binder/me/book/main?urlpath=lab/tree/smoke/01_demo.ipynb"
    assert shown["source-repository-button"] == HOST
    assert "fullscreen-button" in shown


def test_a_page_of_details_is_edited_as_the_script_of_its_chapter():
    url = {"url": f"{HOST}/edit/main/notebooks/01_demo_details.ipynb"}
    [button] = mended(
        [{"type": "link", "label": "source-edit-button", **url}], f"{CHAPTER}_details", {}, False
    )
    assert button["url"] == f"{HOST}/edit/main/notebooks/01_demo.py"


def test_what_leads_nowhere_is_left_out():
    shown = addresses("book/api/claims", binder={}, has_colab=False)
    assert shown.keys() == {"source-repository-button", "fullscreen-button"}

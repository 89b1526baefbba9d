"""What tests of rendered pages look for: words that no reader should see, text over text, contrast."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

#: Installed with ``npm install --prefix tests``; see tests/package.json.
AXE = Path(__file__).parent / "node_modules" / "axe-core" / "axe.min.js"
WIDTHS = (390, 1024, 1440)
THEMES = ("light", "dark")

#: What a page showed once and must not show again, by what it is.
FORBIDDEN = {
    "an undefined number": r"(?<![\w-])nan(?![\w-])",
    "the text of an object": r"\b(Result|ClaimVerdict|Check|FigureCard)\(|<[\w.]+ object at 0x",
    "a dictionary": r"\{'[^']*':",
    "an exponent": r"(?<![\w.])-?\d+(\.\d+)?e[-+]\d{2,}(?![\w.])",
    "a row of a Markdown table": r"^\s*\|.*\|\s*$",
}


def forbidden(text):
    """Return what must not be in the visible text of a page, with the words around it."""
    found = []
    for what, pattern in FORBIDDEN.items():
        for match in re.finditer(pattern, text, re.MULTILINE):
            around = text[max(0, match.start() - 30) : match.end() + 30].replace("\n", " ")
            found.append(f"{what}: {around}")
    return found


#: Text of an article without code, whose output blocks of plain text are code as well.
VISIBLE = """() => {
  const copy = document.querySelector("article").cloneNode(true);
  copy.querySelectorAll("pre, code, script, style, svg title").forEach(one => one.remove());
  return copy.textContent;
}"""

#: Pairs of texts of one figure that lie over each other by more than a hair.
OVERLAPS = """() => [...document.querySelectorAll("figure.hs-figure svg")].flatMap(svg => {
  const texts = [...svg.querySelectorAll("text")].filter(text => text.textContent.trim());
  const boxes = texts.map(text => text.getBoundingClientRect());
  const found = [];
  for (let i = 0; i < texts.length; i++)
    for (let j = i + 1; j < texts.length; j++) {
      const [a, b] = [boxes[i], boxes[j]];
      const wide = Math.min(a.right, b.right) - Math.max(a.left, b.left);
      const high = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
      if (wide > 3 && high > 0.35 * Math.min(a.height, b.height) && a.width && b.width)
        found.push(`${texts[i].textContent} | ${texts[j].textContent}`);
    }
  return found;
})"""

#: Texts that run off the sides of their figure.
CUT_OFF = """() => [...document.querySelectorAll("figure.hs-figure svg:not(.marks)")].flatMap(svg => {
  const frame = svg.getBoundingClientRect();
  return [...svg.querySelectorAll("text")].filter(text => {
    const box = text.getBoundingClientRect();
    return box.width && (box.left < frame.left - 2 || box.right > frame.right + 2);
  }).map(text => text.textContent);
})"""

#: Series of one legend that no reader can tell apart: the same marker in the same colour. A legend draws the
#: parts of a series, then its name.
ALIKE = """() => [...document.querySelectorAll('figure.hs-figure g[id*="legend_"]')].flatMap(legend => {
  const looks = [];
  let look = "";
  for (const part of legend.querySelectorAll("path, use, text")) {
    if (part.tagName === "text") {
      if (look) looks.push(look);
      look = "";
    } else if (!part.closest("defs") && !part.closest('[id*="patch_1"]')) {
      const link = part.getAttribute("xlink:href") || part.getAttribute("href");
      const shape = link || (part.getAttribute("d") || "").split(" ").length;
      look += `${part.getAttribute("style")} ${shape};`;
    }
  }
  return looks.filter((one, i) => looks.indexOf(one) !== i);
})"""


def violations(page, rules):
    """Return what axe-core finds on a page; skips, visibly, where it is not installed."""
    if not AXE.is_file():
        pytest.skip(f"no axe-core: npm install --prefix {AXE.parents[2].name}")
    page.evaluate(AXE.read_text(encoding="utf-8"))
    run = "rules => axe.run('article', {runOnly: {type: 'rule', values: rules}})"
    return [
        f"{found['id']}: {node['target'][0]}: {node['any'][0]['message'] if node['any'] else ''}"[:300]
        for found in page.evaluate(run, list(rules))["violations"]
        for node in found["nodes"]
    ]

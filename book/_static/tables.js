// Every house table sorts by a click on a heading; a long one is filtered and shows its first rows; all are
// offered as CSV. Without this script a table is complete, only longer.
(() => {
  "use strict";
  const LONG = 12; // rows from which a filter is worth its place
  const TALL = 230; // px of a text in a cell, above which it begins on FOLDED
  const FOLDED = 100;
  const FIRST = 8; // rows of a long table before it is opened

  // The number behind a cell; intervals and texts sort as texts.
  function key(cell) {
    if (!cell) return "";
    if (cell.dataset.v) return Number(cell.dataset.v);
    const text = cell.textContent.trim();
    const number = Number(text.replace(/^< /, "").replace(/[,%+]/g, ""));
    return text === "–" || text === "" ? null : Number.isNaN(number) ? text.toLowerCase() : number;
  }

  function compare(a, b) {
    if (a === null || b === null) return (a === null) - (b === null); // what is undefined comes last
    if (typeof a === typeof b) return a < b ? -1 : a > b ? 1 : 0;
    return typeof a === "number" ? -1 : 1;
  }

  function csv(table) {
    const quoted = (text) => (/[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
    return [...table.rows]
      .map((row) => [...row.cells]
        .flatMap((cell) => [cell.dataset.v ?? cell.textContent.trim(), ...Array(cell.colSpan - 1).fill("")])
        .map(quoted).join(","))
      .join("\n");
  }

  function equip(box, number) {
    const table = box.querySelector("table.ht-table");
    const body = table.tBodies[0];
    const rows = [...body.rows];
    for (const cell of body.querySelectorAll("td")) house.clamp(cell, TALL, FOLDED, "text");
    if (rows.length < 4 || box.closest(".hs-box")) return; // facts in a box are read, not searched
    const spans = body.querySelector("[rowspan]");
    const tools = document.createElement("div");
    tools.className = "hs-tools";
    const name = (table.caption?.textContent || document.title).slice(0, 40).replace(/[^A-Za-z0-9]+/g, "_");
    let open = rows.length <= LONG;
    let filter = null;
    let more = null;

    function update() {
      const words = filter ? filter.value.toLowerCase().split(/\s+/).filter(Boolean) : [];
      let shown = 0;
      for (const row of body.rows) {
        const fits = words.every((word) => row.textContent.toLowerCase().includes(word));
        shown += fits;
        row.hidden = !fits || (!open && !words.length && shown > FIRST);
      }
      if (more) more.hidden = open || words.length > 0;
    }

    function sort(heading, column) {
      const up = heading.getAttribute("aria-sort") !== "ascending";
      for (const one of heading.parentElement.cells) one.removeAttribute("aria-sort");
      heading.setAttribute("aria-sort", up ? "ascending" : "descending");
      const keys = new Map(rows.map((row) => [row, key(row.cells[column])]));
      const ordered = [...rows].sort((a, b) => {
        const [x, y] = [keys.get(a), keys.get(b)];
        return x === null || y === null || up ? compare(x, y) : -compare(x, y);
      });
      body.append(...ordered);
      update();
    }

    if (rows.length > LONG && !spans) {
      filter = document.createElement("input");
      filter.type = "search";
      filter.placeholder = "Filter rows";
      filter.setAttribute("aria-label", "Filter rows of this table");
      filter.addEventListener("input", update);
      tools.append(filter);
    }
    if (!open) {
      more = house.button(`All ${rows.length} rows`, `Show all ${rows.length} rows`, () => { open = true; update(); });
      tools.append(more);
      addEventListener("beforeprint", () => { open = true; update(); });
    }
    if (!spans) {
      const last = table.tHead.rows[table.tHead.rows.length - 1];
      [...last?.cells || []].forEach((heading, column) => {
        if (!heading.textContent.trim() || heading.colSpan > 1) return;
        const button = house.button(heading.textContent, `Sort by ${heading.textContent}`, () => sort(heading, column));
        heading.replaceChildren(button);
      });
    }
    tools.append(house.button("CSV", "Download this table as CSV", () =>
      house.save(csv(table), `${name || `table_${number}`}.csv`, "text/csv")));
    box.append(tools);
    update();
  }

  house.ready(() => document.querySelectorAll(".ht").forEach(equip));
})();

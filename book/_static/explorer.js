// Makes the board of claims searchable, sortable and linkable. Without this script the board is complete,
// only longer. Every claim is a row (data-claim, data-chapter, data-whose, ...) followed by its evidence.
(() => {
  "use strict";
  const MANY = 12; // claims of a board that begins as a matrix
  const PARTS = ["repeated", "sound", "survives"];
  const RANK = ["holds", "partly", "unresolved", "fails", "not testable here", "not asked"];
  const WHOSE = { paper: "findings of the papers", announced: "announced by the papers", ours: "tests of ours" };

  const unique = (rows, key) => [...new Set(rows.map((row) => row.dataset[key]))];

  function select(label, options, onChange) {
    const field = document.createElement("label");
    field.append(`${label} `);
    const box = document.createElement("select");
    box.setAttribute("aria-label", label);
    for (const [value, text] of options) box.append(new Option(text, value));
    box.addEventListener("change", onChange);
    field.append(box);
    return [field, box];
  }

  // Whose claim it is and where it stands: on the line that opens the evidence, which has the whole width.
  function joinOrigin(board) {
    for (const summary of board.querySelectorAll(".hv-more summary")) {
      const meta = summary.closest("tr").previousElementSibling.querySelector(".hv-meta");
      if (meta) summary.append(" · ", meta);
    }
  }

  function explore(board) {
    const rows = [...board.querySelectorAll("tr[data-claim]")];
    joinOrigin(board);
    if (rows.length < 10) return;
    const table = rows[0].closest("table");
    const bodies = [...table.tBodies];
    const home = new Map(rows.map((row) => [row, row.parentElement]));
    const bar = document.createElement("div");
    bar.className = "hx-bar";
    bar.setAttribute("role", "search");

    const search = document.createElement("input");
    search.type = "search";
    search.placeholder = "Search claims";
    search.setAttribute("aria-label", "Search claims");
    search.addEventListener("input", update);
    const titles = new Map(
      [...board.querySelectorAll("tr.hv-chapter")].map((row) => [row.id.replace("chapter-", ""), row.textContent]),
    );
    const all = [["", "all"]];
    const [paperField, paper] = select(
      "Paper", all.concat(unique(rows, "chapter").map((name) => [name, titles.get(name) || name])), update);
    const [partField, part] = select("Question", PARTS.map((name) => [name, name]), update);
    part.value = "sound";
    const [outcomeField, outcome] = select("Outcome", all.concat(RANK.map((name) => [name, name])), update);
    const [whoseField, whose] = select(
      "Whose", all.concat(unique(rows, "whose").map((name) => [name, WHOSE[name] || name])), update);
    const [inputField, input] = select("Input", all.concat(unique(rows, "input").map((name) => [name, name])), update);
    const [sortField, sort] = select(
      "Sort", [["", "by paper"], ["outcome", "by outcome"], ["claim", "by claim"]], update);
    const matrix = document.createElement("button");
    matrix.type = "button";
    matrix.textContent = "Matrix";
    matrix.setAttribute("aria-pressed", "false");
    const legend = board.querySelector(":scope > p.hv-meta");
    const small = (on) => {
      board.classList.toggle("hx-matrix", on);
      if (on) table.before(legend); // symbols stand there without words
      else board.append(legend);
      matrix.setAttribute("aria-pressed", String(on));
    };
    matrix.addEventListener("click", () => small(!board.classList.contains("hx-matrix")));
    board.hxSmall = small;
    const count = document.createElement("output");
    const some = (field) => field.querySelectorAll("option").length > 2; // "all" and at least two to choose from
    const fields = [paperField, partField, outcomeField, whoseField, inputField, sortField].filter(some);
    bar.append(search, ...fields, matrix, count);
    table.before(bar);
    const sorted = document.createElement("tbody");
    table.append(sorted);

    function key(row) {
      if (sort.value === "outcome") return RANK.indexOf(row.dataset[part.value]);
      return row.dataset.claim;
    }

    function update() {
      const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
      let shown = 0;
      for (const row of rows) {
        const origin = row.hxMore?.querySelector("summary").textContent ?? "";
        const text = `${row.dataset.claim} ${row.textContent} ${origin}`.toLowerCase();
        const fits = words.every((word) => text.includes(word))
          && (!paper.value || row.dataset.chapter === paper.value)
          && (!outcome.value || row.dataset[part.value] === outcome.value)
          && (!whose.value || row.dataset.whose === whose.value)
          && (!input.value || row.dataset.input === input.value);
        row.hidden = !fits;
        if (row.hxMore) row.hxMore.hidden = !fits;
        shown += fits;
      }
      const ordered = [...rows];
      if (sort.value) ordered.sort((a, b) => (key(a) < key(b) ? -1 : key(a) > key(b) ? 1 : 0));
      for (const row of ordered) {
        (sort.value ? sorted : home.get(row)).append(...[row, row.hxMore].filter(Boolean));
      }
      for (const body of bodies) {
        const head = body.querySelector("tr.hv-chapter");
        if (head) head.hidden = !body.querySelector("tr[data-claim]:not([hidden])");
      }
      count.textContent = `${shown} of ${rows.length} claims`;
    }

    for (const row of rows) {
      const next = row.nextElementSibling;
      row.hxMore = next && next.classList.contains("hv-more") ? next : null; // older pages have none
    }
    small(rows.length > MANY); // an overview first
    update();
  }

  // #claim-ID (or #claim=ID) opens the evidence of that claim.
  function openTarget() {
    const id = decodeURIComponent(location.hash.slice(1)).replace("claim=", "claim-");
    const target = id.startsWith("claim-") && document.getElementById(id);
    if (!target) return;
    target.closest(".hv-board")?.hxSmall?.(false); // the matrix shows no evidence
    target.open = true;
    (target.closest("tr")?.previousElementSibling || target).scrollIntoView();
  }

  function start() {
    document.querySelectorAll(".hv-board").forEach(explore);
    openTarget();
    // Printed pages show all evidence.
    addEventListener("beforeprint", () => {
      document.querySelectorAll(".hv-board details, .cell details").forEach((one) => { one.open = true; });
    });
  }

  addEventListener("hashchange", openTarget);
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();

// Every number of the prose, and of tables that compare, says on hover, click or Enter where it comes from.
(() => {
  "use strict";

  function start() {
    const holder = document.getElementById("hp-data");
    if (!holder) return;
    const known = JSON.parse(holder.textContent);
    const note = document.createElement("div");
    note.className = "hp-note";
    note.id = "hp-note";
    note.hidden = true;
    note.setAttribute("role", "dialog");
    note.setAttribute("aria-label", "Where this number comes from");
    document.body.append(note);
    let pinned = null;

    function lines(chapter, id) {
      const run = known.chapters[chapter];
      const fact = known.results[chapter][id];
      const short = (hash) => hash.slice(0, 12);
      const cell = fact.cell && (fact.place
        ? Object.assign(document.createElement("a"), { href: fact.place, textContent: `cell ${fact.cell}` })
        : `cell ${fact.cell}`);
      const value = [fact.text, fact.interval].filter(Boolean).join(" ");
      return [
        ["Result", id],
        ["Value", fact.value === undefined ? "undefined" : `${value} (${fact.value})`],
        ["Published", fact.published],
        ["n", fact.n],
        ["Seeds", fact.seeds],
        ["p", fact.p],
        ["Data", fact.data],
        ["Note", fact.note],
        ["Computed by", cell],
        ["Chapter", `${run.title} (${chapter})`],
        ["Parameters", Object.entries(run.parameters).map(([name, x]) => `${name} = ${x}`).join(", ")],
        ["Inputs", Object.entries(run.inputs).map(([name, hash]) => `${name} ${short(hash)}`).join(", ") || "none"],
        ["Commit", short(run.commit)],
      ].filter(([, text]) => text !== undefined && text !== null && text !== "");
    }

    function show(target) {
      const { chapter, result } = target.dataset;
      const list = document.createElement("dl");
      for (const [what, text] of lines(chapter, result)) {
        const name = document.createElement("dt");
        name.textContent = what;
        const value = document.createElement("dd");
        value.append(text);
        list.append(name, value);
      }
      const close = house.button("×", "Close", () => { hide(); target.focus(); });
      close.className = "hp-close";
      note.replaceChildren(close, list);
      note.hidden = false;
      const place = target.getBoundingClientRect();
      const left = Math.max(8, Math.min(place.left, innerWidth - note.offsetWidth - 8));
      const below = place.bottom + note.offsetHeight + 8 < innerHeight;
      note.style.left = `${left + scrollX}px`;
      note.style.top = `${(below ? place.bottom + 4 : Math.max(8, place.top - note.offsetHeight - 4)) + scrollY}px`;
      target.setAttribute("aria-describedby", note.id);
    }

    function hide() {
      note.hidden = true;
      document.querySelectorAll('[aria-describedby="hp-note"]').forEach((one) => one.removeAttribute("aria-describedby"));
      pinned = null;
    }

    function equip(target) {
      const { chapter, result } = target.dataset;
      if (!known.results[chapter]?.[result]) return;
      target.classList.add("hp-known");
      target.tabIndex = 0;
      target.setAttribute("role", "button");
      target.setAttribute("aria-haspopup", "dialog");
      let timer = 0;
      target.addEventListener("mouseenter", () => { timer = setTimeout(() => pinned || show(target), 250); });
      target.addEventListener("mouseleave", () => {
        clearTimeout(timer);
        setTimeout(() => { if (!pinned && !note.matches(":hover")) hide(); }, 200);
      });
      const pin = () => { show(target); pinned = target; };
      target.addEventListener("click", pin);
      target.addEventListener("keydown", (event) => {
        if (event.key !== "Enter" && event.key !== " ") return;
        event.preventDefault();
        pin();
        note.querySelector("a, button")?.focus();
      });
    }

    for (const table of document.querySelectorAll("table[data-results]")) {
      const results = JSON.parse(table.dataset.results);
      const column = [...table.tHead.rows].at(-1) ? [...[...table.tHead.rows].at(-1).cells]
        .findIndex((cell) => cell.textContent.trim() === "ours") : -1;
      [...table.tBodies[0].rows].forEach((row, i) => {
        const cell = row.cells[column];
        if (!cell || !results[i]) return;
        const span = document.createElement("span");
        [span.dataset.chapter, span.dataset.result] = results[i];
        span.append(...cell.childNodes);
        cell.append(span);
        equip(span);
      });
    }
    document.querySelectorAll(".hp-number").forEach(equip);
    addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || note.hidden) return;
      const target = pinned;
      hide();
      target?.focus();
    });
    note.addEventListener("mouseleave", () => { if (!pinned) hide(); });
    document.addEventListener("click", (event) => {
      if (pinned && !note.contains(event.target) && !event.target.closest(".hp-known")) hide();
    });
  }

  house.ready(start);
})();

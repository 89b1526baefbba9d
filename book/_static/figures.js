// Every figure can be taken away: as SVG, as PNG, and with its table as CSV. On paper, in a file, it is black on white.
(() => {
  "use strict";
  const SCALE = 3; // of a PNG: sharp on paper
  const TALL = 950; // px of a figure that is no longer seen at once; it begins on FOLDED
  const FOLDED = 640;
  const PANELS = 2; // figures of one cell that share a place

  function standalone(svg) {
    const copy = svg.cloneNode(true);
    const [, , width, height] = copy.getAttribute("viewBox").split(/\s+/);
    copy.removeAttribute("style");
    copy.setAttribute("width", width);
    copy.setAttribute("height", height);
    copy.setAttribute("xmlns", "http://www.w3.org/2000/svg");
    return { text: new XMLSerializer().serializeToString(copy), width: Number(width), height: Number(height) };
  }

  function savePng(svg, name) {
    const { text, width, height } = standalone(svg);
    const picture = new Image();
    picture.onload = () => {
      const canvas = document.createElement("canvas");
      canvas.width = width * SCALE;
      canvas.height = height * SCALE;
      const context = canvas.getContext("2d");
      context.fillStyle = "white";
      context.fillRect(0, 0, canvas.width, canvas.height);
      context.drawImage(picture, 0, 0, canvas.width, canvas.height);
      canvas.toBlob((blob) => house.save(blob, `${name}.png`));
    };
    picture.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(text)}`;
  }

  // Letters are as wide as the reader's fonts make them: a figure grows by what would run off its sides.
  function whole(svg) {
    const frame = svg.getBoundingClientRect();
    const [x, y, width, height] = svg.getAttribute("viewBox").split(/\s+/).map(Number);
    const boxes = [...svg.querySelectorAll("text")].map((text) => text.getBoundingClientRect());
    const left = Math.max(0, ...boxes.map((box) => frame.left - box.left));
    const right = Math.max(0, ...boxes.map((box) => box.right - frame.right));
    if (!frame.width || left + right < 1) return;
    const unit = width / frame.width;
    svg.setAttribute("viewBox", [x - left * unit, y, width + (left + right) * unit, height].join(" "));
  }

  function equip(figure) {
    const svg = figure.querySelector("svg");
    const drawn = () => figure.querySelector("svg"); // a chart has taken its place, perhaps
    const name = figure.dataset.name;
    if (!svg || !name || !svg.hasAttribute("viewBox")) return;
    whole(svg);
    const tools = document.createElement("div");
    tools.className = "hs-tools";
    tools.append(
      house.button("SVG", `Download figure ${name} as SVG`, () =>
        house.save(standalone(drawn()).text, `${name}.svg`, "image/svg+xml")),
      house.button("PNG", `Download figure ${name} as PNG`, () => savePng(drawn(), name)),
    );
    const csv = figure.querySelector('script[type="text/csv"]');
    if (csv) {
      tools.append(house.button("CSV", `Download the data of figure ${name} as CSV`, () =>
        house.save(csv.textContent.replaceAll("<\\/", "</"), `${name}.csv`, "text/csv")));
    }
    house.clamp(svg.parentElement, TALL, FOLDED, "figure");
    figure.append(tools);
  }

  // What the titles of panels do not have in common: their words after those that all begin with, up to one of all.
  function differing(titles) {
    const words = titles.map((title) => title.split(/\s+/));
    const everywhere = (word) => words.every((own) => own.includes(word));
    let start = 0;
    while (words.every((own) => own[start] && own[start] === words[0][start])) start += 1;
    return words.map((own) => {
      const rest = own.slice(start);
      const end = rest.findIndex((word) => everywhere(word));
      return rest.slice(0, end < 0 ? undefined : end).join(" ").replace(/[,:;.]$/, "");
    });
  }

  // A tab's name: what only its title says, or, where that is a bare number, what its caption begins with.
  function tabNames(figures) {
    const names = differing(figures.map((figure) => figure.querySelector("svg")?.getAttribute("aria-label") || ""));
    if (names.every((name) => /\p{L}/u.test(name))) return names;
    return figures.map((figure) => figure.querySelector("figcaption")?.textContent.split(/[.:]/)[0].trim() || "");
  }

  // Several figures of one cell are panels: they share a place, and tabs choose between them. Paper shows all.
  function panels(output) {
    const figures = [...output.querySelectorAll("figure.hs-figure")];
    if (figures.length < PANELS) return;
    const bar = document.createElement("div");
    bar.className = "hs-tools hs-tabs";
    bar.setAttribute("role", "tablist");
    const names = tabNames(figures);
    const tabs = figures.map((figure, i) => {
      const tab = house.button(names[i] || figure.dataset.name, names[i] || figure.dataset.name, () => choose(i));
      tab.setAttribute("role", "tab");
      figure.id ||= `figure-${figure.dataset.name}`;
      tab.setAttribute("aria-controls", figure.id);
      return tab;
    });
    function choose(chosen) {
      figures.forEach((figure, i) => { figure.hidden = i !== chosen; });
      tabs.forEach((tab, i) => {
        tab.setAttribute("aria-selected", String(i === chosen));
        tab.tabIndex = i === chosen ? 0 : -1;
      });
    }
    bar.append(...tabs);
    bar.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (!step) return;
      const next = (tabs.indexOf(document.activeElement) + step + tabs.length) % tabs.length;
      choose(next);
      tabs[next].focus();
    });
    output.prepend(bar);
    choose(0);
    addEventListener("beforeprint", () => figures.forEach((figure) => { figure.hidden = false; }));
  }

  house.ready(() => {
    document.querySelectorAll("figure.hs-figure").forEach(equip);
    document.querySelectorAll(".cell_output").forEach(panels);
  });
})();

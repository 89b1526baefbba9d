// What all components of a page share: offering a file, and regions that scroll by keyboard.
window.house = {
  // Offer a text or a blob as a file; works from a folder as well.
  save(content, name, type) {
    const blob = content instanceof Blob ? content : new Blob([content], { type });
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  },

  button(text, label, onClick) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = text;
    button.setAttribute("aria-label", label);
    button.addEventListener("click", onClick);
    return button;
  },

  // What is taller than `limit` px shows its first `height` px, and all of it on request and on paper.
  clamp(element, limit, height, what) {
    const content = document.createRange(); // a cell is as tall as its row
    content.selectNodeContents(element);
    if (content.getBoundingClientRect().height <= limit) return;
    const box = document.createElement("div");
    box.className = "hs-clamp";
    box.style.maxHeight = `${height}px`;
    box.append(...element.childNodes);
    const open = () => { box.style.maxHeight = ""; box.classList.remove("hs-clamp"); more.remove(); };
    const more = house.button(`Whole ${what}`, `Show the whole ${what}`, open);
    more.className = "hs-more";
    element.append(box, more);
    addEventListener("beforeprint", open);
  },

  // What scrolls sideways can be reached and scrolled by keyboard.
  reachable() {
    for (const region of document.querySelectorAll(".hs-scroll, .hs-box, .hb-table, .hv-evidence, .cell pre, .highlight pre")) {
      const scrolls = region.scrollWidth > region.clientWidth + 1;
      if (scrolls) region.tabIndex = 0;
      else region.removeAttribute("tabindex");
    }
  },

  ready(start) {
    if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
    else start();
  },
};

house.ready(() => {
  // A box: the claims of a chapter, or what is to be known of a data set (its list is a child of the box).
  for (const list of document.querySelectorAll(".hs-box ul")) {
    const ofData = list.parentElement.matches(".hs-box");
    const whole = document.createElement("div");
    list.replaceWith(whole);
    whole.append(list);
    if (ofData) house.clamp(whole, 200, 110, "list");
    else house.clamp(whole, 420, 300, "list");
  }
  house.reachable();
  addEventListener("resize", house.reachable);
  // Folds hide what scrolls until they open; a printed page has every fold open.
  document.addEventListener("toggle", house.reachable, true);
  addEventListener("beforeprint", () => {
    document.querySelectorAll("details").forEach((one) => { one.open = true; });
    document.querySelectorAll(".toggle-hidden").forEach((one) => one.classList.remove("toggle-hidden"));
  });
});

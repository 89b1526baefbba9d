// Charts that answer when pointed at. Until its library is loaded, and without it, a chart is a drawing.
(() => {
  "use strict";
  const library = new URL("vega.js", document.currentScript.src).href;
  let loading = null;

  function load() {
    loading ??= new Promise((done, failed) => {
      const script = document.createElement("script");
      script.src = library;
      script.onload = done;
      script.onerror = failed;
      document.head.append(script);
    });
    return loading;
  }

  async function enliven(figure, text) {
    await load();
    const spec = JSON.parse(text.replaceAll("<\\/", "</"));
    if (typeof spec.width === "number") {
      spec.width = Math.max(220, Math.min(spec.width, figure.clientWidth - 90)); // room for the axis
    }
    const place = document.createElement("div");
    const drawing = figure.querySelector("svg");
    const { view } = await vegaEmbed(place, spec, { renderer: "svg", actions: false, ast: false });
    const svg = place.querySelector("svg");
    svg.setAttribute("role", "img");
    svg.setAttribute("aria-label", drawing.getAttribute("aria-label"));
    svg.style.maxWidth = "100%";
    drawing.replaceWith(place);
    addEventListener("beforeprint", () => view.runAsync());
  }

  house.ready(() => {
    const watch = new IntersectionObserver((seen) => {
      for (const { target, isIntersecting } of seen) {
        if (!isIntersecting) continue;
        watch.unobserve(target);
        enliven(target, target.querySelector('script[type="application/vega+json"]').textContent)
          .catch((error) => console.warn("chart stays a drawing:", error));
      }
    }, { rootMargin: "400px" });
    document.querySelectorAll('figure.hs-figure:has(script[type="application/vega+json"])').forEach((one) => watch.observe(one));
  });
})();

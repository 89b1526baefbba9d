// The order of search results: pages for readers first, the reference of the package after them.
// Sphinx takes this object in place of its own, so the other numbers are those of Sphinx.
var Scorer = {
  score: ([page, , , , score]) => (page === "book/api" || page.startsWith("book/api/") ? score - 1000 : score),
  objNameMatch: 11,
  objPartialMatch: 6,
  objPrio: { 0: 15, 1: 5, 2: -5 },
  objPrioDefault: 0,
  title: 15,
  partialTitle: 7,
  term: 5,
  partialTerm: 2,
};

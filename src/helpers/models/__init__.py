"""Models: one module a family, scikit-learn's interface, numbers of the papers as defaults."""

"""How results and verdicts are shown: HTML and tables. Judging is :mod:`helpers.claims`."""

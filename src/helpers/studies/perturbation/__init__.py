"""Six networks for a cell's answer to a compound: chapter 04."""

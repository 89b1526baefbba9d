"""Stage and build the book from a run folder."""

from helpers.book.build import build_book
from helpers.book.stage import stage_book

__all__ = ["build_book", "stage_book"]

"""Stage and build the book."""

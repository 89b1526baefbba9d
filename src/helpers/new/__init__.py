"""Write the skeleton of a new study: a small example of everything, ready to run and to be replaced."""

from helpers.new.study import NewStudy, write_study

__all__ = ["NewStudy", "write_study"]

"""GPDS, a network on bulk lines tested on single cells: chapter 03."""

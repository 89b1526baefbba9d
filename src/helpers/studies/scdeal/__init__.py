"""scDEAL, transfer from bulk lines to single cells: chapter 06."""

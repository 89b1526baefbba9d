"""Execute notebooks into a run folder, and compare run folders."""

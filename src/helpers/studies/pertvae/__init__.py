"""PertVAE, profiles before and after treatment: chapter 05."""

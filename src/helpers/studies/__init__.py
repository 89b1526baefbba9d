"""One folder a study; a study never imports another, and nothing outside imports a study."""

"""What trainers of several studies share."""

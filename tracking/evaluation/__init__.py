"""Tracks against the truth: readers and rules of the protocols, figures, report."""

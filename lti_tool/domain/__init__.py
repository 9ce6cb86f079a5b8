"""Decisions: pure functions over values, standard library only."""

"""Imports of competency frameworks."""

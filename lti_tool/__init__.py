"""LTI Badges: course work becomes badges that mean something, in any LTI 1.3 platform."""

__version__ = "0.1.0"

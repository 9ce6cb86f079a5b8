"""The one-command demo: an LMS, a backpack and a course to try the tool with."""

"""Open Badges documents: values in, bytes out; no database."""

"""Where observations come from: one module a source, one protocol."""

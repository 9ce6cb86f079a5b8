"""Where credentials go: one module a protocol, one seam."""

"""The pages: thin Flask blueprints."""

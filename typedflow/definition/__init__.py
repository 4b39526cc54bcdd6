"""Flow definitions: frozen nodes, the builder that makes them, and the checks before the first run."""

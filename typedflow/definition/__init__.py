"""What a flow is: frozen nodes, the builder that makes them, and the checks before anything runs."""

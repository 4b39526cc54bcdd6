"""What the checks read: calls, types, literals and the source, as mypy has them."""

"""Runnable programs built with typedflow; each is a package with its own `__main__`."""

"""The checks, a module for each question: of a call, of a class body, of an attribute. `plugin.py` leads to them."""

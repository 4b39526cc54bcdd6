"""Sphinx: the documents as a site. `sphinx-build -W docs site` builds it; warnings are errors."""

from __future__ import annotations

import sys
from pathlib import Path

import typedflow

sys.path.insert(0, str(Path(__file__).parent))

project = "typedflow"
author = "the typedflow developers"
version = release = typedflow.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinxcontrib.mermaid"]
html_theme = "furo"
html_title = f"typedflow {version}"
templates_path: list[str] = []
exclude_patterns: list[str] = []
html_extra_path = ["llms.txt"]  # at the root, where tools look for it

# Markdown: a diagram is a fenced block; a heading has the anchor that GitHub makes for it, an error that of its number.
myst_fence_as_directive = ["mermaid"]
myst_heading_anchors = 3
myst_heading_slug_func = "anchors.slug_of"

# The reference: from the docstrings, where `name` is code.
default_role = "code"
autodoc_typehints = "none"
autodoc_member_order = "bysource"
autodoc_class_signature = "separated"

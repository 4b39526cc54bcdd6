"""Serve the approval of purchases as a web application: `python -m examples.approvals`."""

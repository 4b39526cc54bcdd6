"""Audit the licences of installed Python distributions against a policy: `python -m examples.license_audit`."""

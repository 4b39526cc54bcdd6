"""The rules of contracts, pure: no msgspec, no mypy, no asyncio, so that the runtime and the type checker share them.

Import from the modules; this package exports nothing and imports nothing.
"""

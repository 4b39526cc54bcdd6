"""The engine: a compiled plan and one run over it, without I/O.

It is told what happened and says which tokens are ready. No asyncio, no clock, no handler is called in here.
"""

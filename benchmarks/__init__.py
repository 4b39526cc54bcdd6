"""What typedflow costs, against bare asyncio doing the same work; `python -m benchmarks` measures and compares."""

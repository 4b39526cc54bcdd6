"""The asyncio driver, the steps and what handlers hold: Data."""

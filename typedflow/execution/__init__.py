"""What users hold: flows, processes, executions and data; and the asyncio driver behind them."""

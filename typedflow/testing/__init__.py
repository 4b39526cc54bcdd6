"""What tests of users' handlers need: a `Data` to call one handler with, and what the handler did with it."""

from typedflow.execution.pauses import PauseSignal
from typedflow.testing.clock import FakeClock, fake_clock
from typedflow.testing.handlers import emitted, make_data, result_of, streamed

__all__ = ["FakeClock", "PauseSignal", "emitted", "fake_clock", "make_data", "result_of", "streamed"]

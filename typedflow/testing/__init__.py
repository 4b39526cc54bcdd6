"""What tests of users' flows need: a `Data` to call one handler with, and a run of a whole flow with its answers."""

from typedflow.execution.pauses import PauseSignal
from typedflow.testing.clock import FakeClock, fake_clock
from typedflow.testing.flows import run_flow
from typedflow.testing.handlers import emitted, make_data, result_of, streamed

__all__ = ["FakeClock", "PauseSignal", "emitted", "fake_clock", "make_data", "result_of", "run_flow", "streamed"]

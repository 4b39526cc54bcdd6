"""Mappings under a name, which another module imports; nothing here is wrong."""

from __future__ import annotations

from typing import Final

from typedflow import Capture, WriteBack, binding

TOPIC = binding({"input": "state.topic"})
TOPIC_AND_LOGGER = binding({"input": "state.topic", "resources": {"logger": "resources.logger"}})
RESULT = binding({"value": "result"})
RESULT_AND_STATE = binding({"value": "result", "state": {"topic": "result.text"}})
PART = binding({"value": "result.text"})
FIELDS = binding({"value": {"topic": "result.text"}})
LAYERS = binding({"state": {"topic": "result.text"}})
NOTHING = binding({})
CAPTURE: Capture = {"input": "state.topic"}
FINAL_CAPTURE: Final[Capture] = {"input": "state.topic"}
WRITE_BACK: WriteBack = {"value": "result"}
FINAL_WRITE_BACK: Final[WriteBack] = {"value": "result"}
LAYERS_WRITE_BACK: WriteBack = {"state": {"topic": "result.text"}}
FINAL_DICT: Final = {"value": "result"}

"""An agent: a model that may call tools, one of which a person has to allow: `python -m examples.agent`."""

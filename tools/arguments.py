"""Arguments of the tools that ship with the package."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel


class Arguments(BaseModel):
    """What a model says in a call."""

    @classmethod
    def parameters(cls) -> dict[str, Any]:
        """The JSON Schema, without the docstring, which is ours and not the model's."""
        return {key: value for key, value in cls.model_json_schema().items() if key != "description"}

"""What a typed function takes, as a pydantic model and as JSON Schema."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, get_type_hints

import docstring_parser
from pydantic import BaseModel, ConfigDict, Field, PydanticUserError, create_model
from pydantic.errors import PydanticInvalidForJsonSchema, PydanticSchemaGenerationError
from pydantic.json_schema import GenerateJsonSchema

from ..core.errors import ConfigError
from .tool import CallContext

_BY_NAME = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


class _Untitled(GenerateJsonSchema):
    """Titles only repeat the names, and every token of a schema is read by the model at every request."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


class Signature:
    """The parameters of a function; descriptions come from its docstring (Google, NumPy or reST style).

    A parameter annotated `CallContext` is given by the caller and not shown to the model.
    Errors: ConfigError for a parameter without a type, one that cannot be given by name, a type without a schema.

    Example: `def add(a: int, b: int = 1)` gives the properties a and b, of which a is required.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self._where = getattr(function, "__qualname__", repr(function))
        doc = docstring_parser.parse(inspect.getdoc(function) or "")
        texts = (doc.short_description, doc.long_description)
        self.description = "\n\n".join(text for text in texts if text)
        self._described = {param.arg_name: param.description or "" for param in doc.params}
        hints = self._hints(function)
        self._parameters = inspect.signature(function).parameters
        self.context_name = next((name for name in self._parameters if hints.get(name) is CallContext), None)
        self._names = [name for name in self._parameters if name != self.context_name]
        self._model = self._build(hints)

    def _hints(self, function: Callable[..., Any]) -> dict[str, Any]:
        try:
            return get_type_hints(function, include_extras=True)
        except (NameError, TypeError, SyntaxError) as error:
            raise ConfigError(f"{self._where}: a type cannot be read: {error}") from error

    def _build(self, hints: Mapping[str, Any]) -> type[BaseModel]:
        # Fields have names of our own and the parameters' as aliases: pydantic refuses some names, like `_a` or `json`.
        fields: dict[str, Any] = {f"p{index}": self._field(name, hints) for index, name in enumerate(self._names)}
        config = ConfigDict(extra="forbid", arbitrary_types_allowed=False)
        try:
            return create_model("Arguments", __config__=config, **fields)
        except (PydanticUserError, PydanticSchemaGenerationError, TypeError) as error:
            raise ConfigError(f"{self._where}: {str(error).partition(chr(10))[0]}") from error

    def _field(self, name: str, hints: Mapping[str, Any]) -> Any:
        parameter = self._parameters[name]
        if parameter.kind not in _BY_NAME:
            raise ConfigError(f"{self._where}: the parameter {name!r} cannot be given by name")
        if name not in hints:
            raise ConfigError(f"{self._where}: the parameter {name!r} has no type")
        default = ... if parameter.default is inspect.Parameter.empty else parameter.default
        described = self._described.get(name)
        # Not set at all when there is none, as it may stand in the type: Annotated[int, Field(description=…)].
        field = Field(default, alias=name, description=described) if described else Field(default, alias=name)
        return (hints[name], field)

    @cached_property
    def schema(self) -> dict[str, Any]:
        """JSON Schema of the arguments."""
        try:
            schema = self._model.model_json_schema(by_alias=True, schema_generator=_Untitled)
        except PydanticInvalidForJsonSchema as error:
            raise ConfigError(f"{self._where}: {str(error).partition(chr(10))[0]}") from error
        schema.pop("title", None)
        return schema

    def values(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments as the function's own types. Errors: pydantic's ValidationError."""
        given = self._model.model_validate(dict(arguments))
        return {name: getattr(given, f"p{index}") for index, name in enumerate(self._names)}

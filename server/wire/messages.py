"""Messages, tools and choices as OpenAI's clients send them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class _Tolerant(BaseModel):
    """Extra fields pass: clients send newer ones than we know."""

    model_config = ConfigDict(extra="allow")


class TextPart(_Tolerant):
    """One part of a message's content; only text is served."""

    type: Literal["text"]
    text: str


class RefusalPart(_Tolerant):
    """A refusal that an assistant gave earlier."""

    type: Literal["refusal"]
    refusal: str


Part = Annotated[TextPart | RefusalPart, Field(discriminator="type")]
Content = str | list[Part]


class FunctionCall(_Tolerant):
    """The function of a tool call, its arguments as JSON text."""

    name: str
    arguments: str = "{}"


class ToolCall(_Tolerant):
    """A tool call that an assistant made earlier."""

    id: str
    type: Literal["function"] = "function"
    function: FunctionCall


class SystemMessage(_Tolerant):
    """Instructions."""

    role: Literal["system", "developer"]
    content: Content
    name: str | None = None


class UserMessage(_Tolerant):
    """What the user said."""

    role: Literal["user"]
    content: Content
    name: str | None = None


class AssistantMessage(_Tolerant):
    """What the model said earlier, with either field for its reasoning."""

    role: Literal["assistant"]
    content: Content | None = None
    reasoning: str | None = None
    reasoning_content: str | None = None
    tool_calls: list[ToolCall] | None = None
    refusal: str | None = None
    name: str | None = None


class ToolMessage(_Tolerant):
    """The result of a tool call."""

    role: Literal["tool"]
    content: Content
    tool_call_id: str
    name: str | None = None


Message = Annotated[SystemMessage | UserMessage | AssistantMessage | ToolMessage, Field(discriminator="role")]


class FunctionSpec(_Tolerant):
    """A function that the client runs."""

    name: str = Field(pattern=r"^[a-zA-Z0-9_.-]{1,64}$")
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None


class ToolSpec(_Tolerant):
    """A tool that the client runs."""

    type: Literal["function"]
    function: FunctionSpec


class NamedFunction(_Tolerant):
    """Just a name."""

    name: str


class NamedToolChoice(_Tolerant):
    """This tool must be called."""

    type: Literal["function"]
    function: NamedFunction


ToolChoice = Literal["none", "auto", "required"] | NamedToolChoice


class JsonSchema(_Tolerant):
    """A named JSON schema."""

    name: str
    json_schema: dict[str, Any] = Field(alias="schema", default_factory=dict)
    strict: bool | None = None
    description: str | None = None


class TextFormat(_Tolerant):
    """Free text."""

    type: Literal["text"]


class JsonObjectFormat(_Tolerant):
    """Any JSON object."""

    type: Literal["json_object"]


class JsonSchemaFormat(_Tolerant):
    """JSON that matches a schema."""

    type: Literal["json_schema"]
    json_schema: JsonSchema


ResponseFormat = Annotated[TextFormat | JsonObjectFormat | JsonSchemaFormat, Field(discriminator="type")]

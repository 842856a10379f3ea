"""The `flyball` block of a request, also what a preset consists of."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

from ...core.ledger import FAN_OUT, SECONDS, TOKENS, USD, tool_calls

_OURS = frozenset({"host", "connection", "content-length", "transfer-encoding", "te", "upgrade"})
"""Headers by which a client could reach another host behind an allowed address, or change what its request is."""


class NamedSpec(BaseModel):
    """A controller or strategy by name; its parameters stand beside the name."""

    model_config = ConfigDict(extra="allow")

    name: str


class Budget(BaseModel):
    """Limits of one request; what is missing is unlimited."""

    model_config = ConfigDict(extra="forbid")

    tokens: int | None = Field(default=None, ge=1)
    """Sampled tokens of every kind, over all trajectories: kept, dropped and auxiliary."""
    usd: float | None = Field(default=None, gt=0)
    seconds: float | None = Field(default=None, gt=0)
    fan_out: int | None = Field(default=None, ge=1)
    """Trajectories that may be started."""
    tool_calls: dict[str, Annotated[int, Field(ge=0)]] = Field(default_factory=dict, max_length=256)
    """Calls per tool that the server runs."""

    def limits(self) -> dict[str, float]:
        """As the ledger names them."""
        single = {TOKENS: self.tokens, USD: self.usd, SECONDS: self.seconds, FAN_OUT: self.fan_out}
        calls = {tool_calls(name): float(count) for name, count in self.tool_calls.items()}
        return {item: float(limit) for item, limit in single.items() if limit is not None} | calls


class McpRequest(BaseModel):
    """An MCP server over streamable HTTP that a request brings along, where the operator allows it."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    name: str = Field(pattern=r"^[A-Za-z0-9_-]{1,32}$")
    """Stands before the names of its tools."""
    url: str = Field(max_length=2000)
    headers: dict[str, SecretStr] = Field(default_factory=dict, max_length=16)
    """They are neither stored nor logged."""
    tools: tuple[str, ...] | None = None
    """The server's names of those that are offered. None: all."""

    @field_validator("headers")
    @classmethod
    def _leave_the_address_alone(cls, headers: dict[str, SecretStr]) -> dict[str, SecretStr]:
        if taken := _OURS & {name.strip().lower() for name in headers}:
            raise ValueError(f"{min(taken)} is not the client's to set")
        return headers


class FlyballBlock(BaseModel):
    """How this request is governed."""

    model_config = ConfigDict(extra="forbid")

    controllers: list[NamedSpec] = Field(default_factory=list, max_length=32)
    strategy: NamedSpec | None = None
    tools: list[str] = Field(default_factory=list, max_length=256)
    """Tools that the server runs, by name; "*": all of them."""
    mcp: list[McpRequest] = Field(default_factory=list, max_length=4)
    """Servers whose tools are offered beside those in `tools`."""
    session: str | None = Field(default=None, min_length=1, max_length=256)
    """A session of the client's, whose state the tools find and leave; None: state ends with the request."""
    fenced: bool | Literal["only"] | None = None
    """Run code between fences in the thinking; None: where the model was trained to write it and python is named.
    "only": the model is not told of python, so it can write it between fences and in no call."""
    events: bool = False
    """Tell of calls of the server's tools and of their results as they happen."""
    budget: Budget = Field(default_factory=Budget)
    parts: bool = False
    """Say with every piece of a stream where its text comes from, and show what was dropped."""

    def stored(self) -> dict[str, Any]:
        """What the trace store keeps of it: no header and no query of an address, as they may hold a key."""
        stored = self.model_dump(exclude_defaults=True, exclude={"mcp": {"__all__": {"headers"}}})
        for server in stored.get("mcp", ()):
            server["url"] = server["url"].partition("?")[0]
        return stored

    def over(self, base: FlyballBlock) -> FlyballBlock:
        """This block where it says something, `base` (a preset) where it does not."""
        said: dict[str, Any] = {name: getattr(self, name) for name in self.model_fields_set}
        return base.model_copy(update=said)

"""Every error that Flyball raises on purpose, named for the boundary that was crossed.

FlyballError
├── RequestError            the client's request cannot be served as it stands (400)
│   ├── ModelNotFound       it names a model that is not served (404)
│   ├── TraceNotFound       it rates an episode that is not stored, or not this client's (404)
│   ├── UnknownTool         it names a tool that this server does not have (400)
│   ├── ContextOverflow     the prompt does not fit the context (400, context_length_exceeded)
│   └── BodyTooLarge        the body is larger than the server takes (413)
├── AuthError               no key, or a wrong one (401)
├── AdmissionError          the server is full for the moment (429, retry-after)
├── Unavailable             the server drains, or the engine is being restarted (503, retry-after)
├── EngineError             the engine failed while it served a request (500)
│   ├── EngineDead          the engine process is gone (503)
│   ├── UpstreamUnreachable a remote engine refuses connections or times out (503)
│   └── UpstreamError       a remote engine answered with an error (429 kept, else 502)
├── ToolError               a call that a tool refuses; its text goes to the model
├── SandboxError            the local sandbox could not give a session: full, or its zygote failed
│   └── SandboxUnavailable  no kind of wall that was asked for holds on this system
├── ControllerError         a controller or strategy broke its contract (500)
└── ConfigError             the configuration cannot be used; raised while loading, before anything listens

`server/errors.py` maps them to HTTP in one place. A ValueError stays what it is in Python: a caller's mistake in code.
"""

from __future__ import annotations


class FlyballError(Exception):
    """The root: `except FlyballError` catches what Flyball raises on purpose and nothing else."""


class RequestError(FlyballError):
    """The request cannot be served as it stands; `param` names the part of it that is wrong."""

    def __init__(self, message: str, param: str | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.param = param
        self.code = code


class ModelNotFound(RequestError):
    """The request names a model that is not served."""

    def __init__(self, model: str, known: list[str]) -> None:
        super().__init__(
            f"The model {model!r} is not served here. Served: {', '.join(known)}.", "model", "model_not_found"
        )


class TraceNotFound(RequestError):
    """The request names an episode that the trace store does not have, or that is another client's."""

    def __init__(self, id: str) -> None:
        super().__init__(f"No trace {id[:128]!r} of yours is stored here.", "trace_id", "trace_not_found")


class UnknownTool(RequestError):
    """The request names a tool that this server does not have, or does not have now."""

    def __init__(self, message: str) -> None:
        super().__init__(message, "flyball.tools", "unknown_tool")


class ContextOverflow(RequestError):
    """The prompt leaves no room for an answer inside the model's context."""

    def __init__(self, prompt_tokens: int, context_length: int) -> None:
        super().__init__(
            f"This model's context is {context_length} tokens; the prompt alone has {prompt_tokens}. Shorten the messages.",
            "messages",
            "context_length_exceeded",
        )


class BodyTooLarge(RequestError):
    """The request body is larger than the server takes."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"The request body is larger than {limit} bytes.", None, "request_too_large")


class AuthError(FlyballError):
    """The request carries no API key, or a wrong one."""


class AdmissionError(FlyballError):
    """The server runs as many requests as it takes and its queue is full; try again after `retry_after` seconds."""

    def __init__(self, message: str, retry_after: int = 1) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Unavailable(FlyballError):
    """The server cannot serve now: it drains before a stop, or its engine is being restarted."""

    def __init__(self, message: str, retry_after: int = 5) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class EngineError(FlyballError):
    """The engine failed while it served a request."""


class EngineDead(EngineError):
    """The engine process is gone; nothing more comes from it until it is restarted."""


class UpstreamUnreachable(EngineError):
    """A remote engine refuses connections or does not answer in time."""


class UpstreamError(EngineError):
    """A remote engine answered with an error; `status` is its HTTP status."""

    def __init__(self, message: str, status: int, retry_after: int | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.retry_after = retry_after


class ToolError(FlyballError):
    """A call that a tool refuses or that went wrong by the caller's doing; its text goes to the model."""


class SandboxError(FlyballError):
    """The sandbox could not give a session: it runs as many as it takes, or the process that starts them failed."""


class SandboxUnavailable(SandboxError):
    """No wall that was asked for holds on this system; the message says for each why, and how to mend it."""


class ControllerError(FlyballError):
    """A controller or strategy broke its contract, or raised; the message names it."""


class ConfigError(FlyballError):
    """The configuration cannot be used; the message says where and how to mend it."""

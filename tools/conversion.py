"""What a function returned, as a Result."""

from __future__ import annotations

from typing import Any

from pydantic_core import PydanticSerializationError, from_json, to_json

from .result import Image, Result, Status

_PNG = b"\x89PNG\r\n\x1a\n"


def as_result(value: Any) -> Result:
    """A Result as it is, text as text, a picture (Image, or bytes of a PNG) as one; everything else as JSON.

    Pydantic models, dataclasses, dates and sets count as JSON. Errors: TypeError for what none of that can show.

    Example: as_result({"a": 1}) has the text '{"a":1}' and {"a": 1} as `structured`.
    """
    match value:
        case Result():
            return value
        case str():
            return Result(Status.OK, value)
        case None:
            return Result(Status.OK, "The call returned nothing.")
        case Image():
            return _picture(value)
        case bytes():
            if not value.startswith(_PNG):
                raise TypeError("a tool returned bytes that are no PNG; return an Image with its media type")
            return _picture(Image("image/png", value))
    return _as_json(value)


def _picture(image: Image) -> Result:
    return Result(Status.OK, f"[{image.media_type}, {len(image.data)} bytes]", (image,))


def _as_json(value: Any) -> Result:
    try:
        # JSON has no NaN and no infinity: they are shown by name.
        text = to_json(value, inf_nan_mode="strings").decode()
    except (PydanticSerializationError, UnicodeError) as error:
        raise TypeError(f"a tool returned a {type(value).__name__}, which is no JSON: {error}") from error
    return Result(Status.OK, text, structured=from_json(text))

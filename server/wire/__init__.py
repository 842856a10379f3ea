"""What goes over the wire: requests are validated (pydantic), responses are plain structs (msgspec)."""

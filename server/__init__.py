"""The HTTP surface, wire types, admission, engines and the trace store."""

"""Engines: vLLM in process, a remote server, and the scripted double."""

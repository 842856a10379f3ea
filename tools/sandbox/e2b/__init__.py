"""Tier e2b: sessions on virtual machines of e2b.dev, or of a server that speaks its protocol."""

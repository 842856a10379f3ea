"""The pocket models: small language models trained from scratch on a synthetic world, shipped with the package."""

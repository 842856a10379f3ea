"""What Flyball costs: the same requests to vLLM's own server, to Flyball and to two other proxies, taken in turns."""

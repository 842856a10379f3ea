"""What the reasoner is taught: assistant turns that think, err, overthink, use tools, and heed what is injected."""

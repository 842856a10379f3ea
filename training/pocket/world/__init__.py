"""world-v1: what the pocket models are asked. Questions with exact answers, and the documents that some need."""

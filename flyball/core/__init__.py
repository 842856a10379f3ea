"""The vocabulary: what the layers above talk about. Imports nothing of ours, no torch, no vllm."""

"""Package data: the pocket world, that is the models and the documents that ship with the package."""

from pathlib import Path

WORLD = Path(__file__).resolve().parent / "world-v1"
REASONER = WORLD / "reasoner"
VERIFIER = WORLD / "verifier"
CORPUS = WORLD / "corpus.jsonl"

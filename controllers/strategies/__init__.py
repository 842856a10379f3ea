"""One strategy a file; the file is named as requests name the strategy. See docs/controllers.md."""

"""The commands. A command's module is imported when it is called, so that `flyball --help` stays fast."""

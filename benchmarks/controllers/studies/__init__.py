"""The studies: a TOML file says what is asked, a module of the same name what its rows mean."""

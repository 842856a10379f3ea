"""Where the tools of a server come from, beside files and plugins: what ships with the package, as it is configured."""

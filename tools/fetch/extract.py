"""Makes text of a page, in a process of its own: `python -m flyball.tools.fetch.extract TYPE ENCODING CPU MIB`.

Pages are hostile: deep nesting makes an HTML parser take minutes, a PDF may ask for any amount of memory. So the page
comes by standard input, its text leaves by standard output, and the process has limits that end it and nothing else.
"""

from __future__ import annotations

import resource
import sys

from ...core.errors import ConfigError
from ..documents import html, markdown, pdf, plain
from ..documents.section import Section

MAX_CHARACTERS = 2 * 2**20
"""Of text: a small PDF may hold any amount of it."""


def text_of(data: bytes, media_type: str, encoding: str | None) -> str:
    """The readable text, headings marked with #. Errors: ConfigError for a file that cannot be read."""
    sections = _sections(data, media_type, encoding)
    return "\n\n".join(f"# {section.place}\n{section.text}" if section.place else section.text for section in sections)


def _sections(data: bytes, media_type: str, encoding: str | None) -> list[Section]:
    if media_type in ("text/html", "application/xhtml+xml"):
        return html.sections(data, encoding)
    if media_type == "application/pdf":
        return pdf.sections(data)
    if media_type == "text/markdown":
        return markdown.sections(data)
    return plain.sections(html.decode(data, encoding).encode())


def limit_process(cpu_seconds: int, memory_mib: int) -> None:
    """What this process may use from here on; it writes no file."""
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds))
    resource.setrlimit(resource.RLIMIT_AS, (memory_mib * 2**20, memory_mib * 2**20))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def main() -> None:
    """Exit code 1: the page cannot be read, and standard output says why."""
    media_type, encoding, cpu_seconds, memory_mib = sys.argv[1:]
    limit_process(int(cpu_seconds), int(memory_mib))
    try:
        text, code = text_of(sys.stdin.buffer.read(), media_type, encoding or None), 0
    except ConfigError as error:
        text, code = str(error), 1
    if len(text) > MAX_CHARACTERS:
        text = f"{text[:MAX_CHARACTERS]}\n[the rest of the text is left out]"
    sys.stdout.buffer.write(text.encode(errors="replace"))
    sys.stdout.flush()
    sys.exit(code)


if __name__ == "__main__":
    main()

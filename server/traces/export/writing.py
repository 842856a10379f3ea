"""Writes tables to files, a batch at a time: an export of any length needs the memory of one batch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, TextIO

import msgspec

from ....core.errors import ConfigError
from ..view.clean import clean_json
from .columns import Cells, Kind
from .tables import TableSpec

BATCH = 200
"""Rows that are in memory at once."""


def write_jsonl(rows: Iterable[Cells], file: TextIO) -> int:
    """One object a line; how many lines."""
    count = 0
    for row in rows:
        file.write(clean_json(msgspec.json.encode(row).decode()) + "\n")
        count += 1
    return count


def write_parquet(table: TableSpec, rows: Iterable[Cells], path: Path) -> int:
    """A parquet file, also where there is no row; how many rows. Errors: ConfigError without pyarrow."""
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise ConfigError("parquet needs pyarrow: pip install 'flyball[parquet]'") from error
    types = _types(pyarrow)
    schema = pyarrow.schema(
        [
            pyarrow.field(column.name, types[column.kind], metadata={"meaning": column.meaning})
            for column in table.columns
        ]
    )
    count, as_json = 0, [column.name for column in table.columns if column.kind is Kind.JSON]
    with pyarrow.parquet.ParquetWriter(path, schema, compression="zstd") as writer:
        for batch in _batches(rows):
            count += len(batch)
            flat = [row | {name: _json(row[name]) for name in as_json} for row in batch]
            writer.write_table(pyarrow.Table.from_pylist(flat, schema=schema))
    return count


def _types(pyarrow: Any) -> dict[Kind, Any]:
    text, integer, number = pyarrow.string(), pyarrow.int64(), pyarrow.float64()
    return {
        Kind.TEXT: text,
        Kind.INTEGER: integer,
        Kind.NUMBER: number,
        Kind.TIME: pyarrow.timestamp("us", tz="UTC"),
        Kind.JSON: text,
        Kind.TEXTS: pyarrow.list_(text),
        Kind.INTEGERS: pyarrow.list_(integer),
        Kind.NUMBERS: pyarrow.list_(number),
    }


def _json(value: Any) -> str | None:
    return None if value is None else msgspec.json.encode(value).decode()


def _batches(rows: Iterable[Cells]) -> Iterator[list[Cells]]:
    left = iter(rows)
    while batch := list(islice(left, BATCH)):
        yield batch

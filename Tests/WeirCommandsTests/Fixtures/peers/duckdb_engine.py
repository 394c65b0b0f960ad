"""A DuckDB connection with the pinned Iceberg extension, loaded by path: no network, nothing installed by itself."""

import sysconfig
from pathlib import Path

import duckdb


def connect():
    connection = duckdb.connect(
        config={
            "allow_unsigned_extensions": "true",
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
        }
    )
    packages = Path(sysconfig.get_paths()["purelib"])
    for name in ("avro", "httpfs", "iceberg"):
        extension = packages / f"duckdb_extension_{name}/extensions/v{duckdb.__version__}/{name}.duckdb_extension"
        connection.execute(f"LOAD '{extension}'")
    connection.execute("SET TimeZone = 'UTC'")
    # Keeps UUIDs and the like apart from plain text when rows leave as Arrow.
    connection.execute("SET arrow_lossless_conversion = true")
    return connection

"""Reads tables again and again with Spark or ClickHouse while they change, and prints each row as JSON.

    follow_base.py ENGINE CATALOG_DB ROUNDS DB.TABLE...

ENGINE is `spark` or `clickhouse`. A row is `{"round": 0, "table": "db.table", "row": {…}}`. What the engine refuses is
`{"round": 0, "table": "db.table", "refused": "…"}`, and what it says of itself `{"version": "…"}`.
"""

import json
import os
import shutil
import sqlite3
import sys
import tempfile
from pathlib import Path

engine, catalog_db, rounds, *tables = sys.argv[1:]


def report(**what):
    print(json.dumps(what, ensure_ascii=False, default=str))


def metadata_file(name):
    """The current metadata file of a table, as the catalog has it."""
    with sqlite3.connect(f"file:{catalog_db}?mode=ro", uri=True) as catalog:
        namespace, table = name.split(".")
        (location,) = catalog.execute(
            "SELECT metadata_location FROM iceberg_tables WHERE table_namespace = ? AND table_name = ?",
            (namespace, table),
        ).fetchone()
    return location.removeprefix("file://")


def spark_reader():
    from pyspark.sql import SparkSession

    # Beside the environment, as scripts/install-soak-peers puts it.
    (jar,) = (Path(sys.prefix) / "jars").glob("iceberg-spark-runtime-*.jar")
    settings = {
        "spark.jars": str(jar),
        "spark.driver.memory": "1g",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.sql.extensions": "org.apache.iceberg.spark.extensions.IcebergSparkSessionExtensions",
    }
    builder = SparkSession.builder.master("local[2]").appName("weir")
    for key, value in settings.items():
        builder = builder.config(key, value)
    session = builder.getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    report(version=session.version)

    def read(path):
        # Spark opens a folder whose hint names the metadata file, and has no driver for catalogs in SQLite.
        with tempfile.TemporaryDirectory() as folder:
            metadata = Path(folder) / "metadata"
            metadata.mkdir()
            shutil.copy(path, metadata / "v1.metadata.json")
            (metadata / "version-hint.text").write_text("1")
            return [row.asDict() for row in session.read.format("iceberg").load(folder).collect()]

    return read


def clickhouse_reader():
    # The folder that files are read from is the one that the engine starts in.
    os.chdir(Path(catalog_db).parent)
    import chdb

    report(version=str(chdb.query("SELECT version()")).strip().strip('"'))

    def read(path):
        table, file = path.rsplit("/metadata/", 1)
        query = f"""
            SELECT * FROM icebergLocal('{table}/', SETTINGS iceberg_metadata_file_path = 'metadata/{file}')
            SETTINGS output_format_json_quote_64bit_integers = 0
        """
        return [json.loads(line) for line in str(chdb.query(query, "JSONEachRow")).splitlines()]

    return read


read = {"spark": spark_reader, "clickhouse": clickhouse_reader}[engine]()
for number in range(int(rounds)):
    for table in tables:
        path = metadata_file(table)
        try:
            rows = read(path)
        except Exception as refusal:
            report(round=number, table=table, refused=str(refusal)[:400])
            continue
        for row in rows:
            report(round=number, table=table, row=row)

"""Reads and applies lists of table updates, and makes some.

    pyiceberg_updates.py apply    reads {"metadata", "requirements", "updates"} from stdin, checks and applies them
    pyiceberg_updates.py make     reads {"metadata"} from stdin, and makes changes of its own

Both print {"metadata", "requirements", "updates"}: the metadata after the updates, and the rest as PyIceberg writes it.
"""

import json
import sys

from pydantic import TypeAdapter
from pyiceberg.io import load_file_io
from pyiceberg.table import Table
from pyiceberg.table.metadata import TableMetadataUtil
from pyiceberg.table.update import TableRequirement, TableUpdate, update_table_metadata
from pyiceberg.transforms import BucketTransform, IdentityTransform
from pyiceberg.types import LongType, StringType

given = json.load(sys.stdin)
metadata = TableMetadataUtil.parse_obj(given["metadata"])


def written(value):
    return json.loads(value.model_dump_json(by_alias=True, exclude_none=True))


if sys.argv[1] == "apply":
    updates = TypeAdapter(list[TableUpdate]).validate_python(given["updates"])
    requirements = TypeAdapter(list[TableRequirement]).validate_python(given["requirements"])
    for requirement in requirements:
        if requirement.type != "assert-create":
            requirement.validate(metadata)
    after = update_table_metadata(metadata, updates)
else:
    table = Table(("db", "t"), metadata, "file:///t/metadata/v1.json", load_file_io({}), None)
    transaction = table.transaction()
    with transaction.update_schema() as schema:
        schema.add_column("added", LongType(), doc="a number")
        schema.add_column("text", StringType())
        schema.rename_column("name", "title")
    with transaction.update_spec() as spec:
        spec.add_field("id", BucketTransform(8), "id_bucket")
    with transaction.update_sort_order() as order:
        order.desc("id", IdentityTransform())
    transaction.set_properties({"from": "pyiceberg", "n": 1})
    transaction.remove_properties("old")
    updates, requirements = transaction._updates, transaction._requirements
    after = transaction.table_metadata

print(
    json.dumps(
        {
            "metadata": written(after),
            "requirements": [written(requirement) for requirement in requirements],
            "updates": [written(update) for update in updates],
        }
    )
)

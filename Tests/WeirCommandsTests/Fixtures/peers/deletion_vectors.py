"""Prints the deletion vectors of Puffin files as JSON, with nothing of Weir's: footers by hand, bitmaps with pyroaring.

deletion_vectors.py PUFFIN_FILE…
"""

import json
import struct
import sys
import zlib

from pyroaring import BitMap64

found = []
for path in sys.argv[1:]:
    data = open(path, "rb").read()
    assert data[:4] == b"PFA1" and data[-4:] == b"PFA1", "the magic of Puffin is missing"
    size, flags = struct.unpack("<iI", data[-12:-4])
    assert flags == 0, "the footer is compressed"
    footer = data[-12 - size : -12]
    assert data[-16 - size : -12 - size] == b"PFA1", "the footer has no magic"
    for blob in json.loads(footer)["blobs"]:
        assert blob["type"] == "deletion-vector-v1" and "compression-codec" not in blob
        assert blob["snapshot-id"] == -1 and blob["sequence-number"] == -1
        vector = data[blob["offset"] : blob["offset"] + blob["length"]]
        (length,) = struct.unpack(">I", vector[:4])
        assert length == len(vector) - 8 and vector[4:8] == bytes([0xD1, 0xD3, 0x39, 0x64])
        assert struct.unpack(">I", vector[-4:])[0] == zlib.crc32(vector[4:-4])
        positions = list(BitMap64.deserialize(vector[8:-4]))
        assert int(blob["properties"]["cardinality"]) == len(positions)
        found.append(
            {
                "path": path,
                "file": blob["properties"]["referenced-data-file"],
                "offset": blob["offset"],
                "size": blob["length"],
                "cardinality": len(positions),
                "positions": positions,
            }
        )
print(json.dumps(found))

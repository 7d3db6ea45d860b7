"""The Python side of scores.ts: the exported chain in ONNX Runtime against what the command wrote.

    python3 onnx_scores.py DIRECTORY

DIRECTORY holds table.csv, score.onnx and scores.csv. pandas makes the raw rows: empty cells NaN, an input for each
site. Prints one line of JSON: rows, the largest difference of an error (relative, of large ones), and the verdicts
that differ.
"""
import json
import sys
from pathlib import Path

import numpy
import onnxruntime
import pandas

directory = Path(sys.argv[1])
table = pandas.read_csv(directory / "table.csv")
rows = pandas.concat(
    [table[["a", "b", "c", "fixed"]], pandas.get_dummies(table["site"])[["p", "q"]]], axis=1
).to_numpy(numpy.float32)
session = onnxruntime.InferenceSession(directory / "score.onnx", providers=["CPUExecutionProvider"])
error, verdict = session.run(["error", "verdict"], {"row": rows})
written = pandas.read_csv(directory / "scores.csv")
wanted = written["error"].to_numpy()
difference = numpy.abs(error - wanted) / numpy.maximum(1, wanted)
print(
    json.dumps(
        {
            "rows": len(rows),
            "difference": float(difference.max()),
            "verdicts": int((verdict.astype(int) != written["verdict"]).sum()),
        }
    )
)

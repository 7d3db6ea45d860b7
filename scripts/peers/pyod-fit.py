"""PyOD's AutoEncoder on one labelled table, for pyod.ts.

    python3 pyod-fit.py TABLE.csv LABEL SEED LAUNCHED

LAUNCHED is the time (seconds since 1970) at which this process was started. Columns of numbers without the label, empty
cells as their medians, all else as PyOD comes. A fit of one epoch over 500 rows goes before the one that is timed.
Prints one line of JSON.
"""
import json
import sys
import time

file, label, seed, launched = sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4])

import pandas  # noqa: E402
import pyod  # noqa: E402
import torch  # noqa: E402
from pyod.models.auto_encoder import AutoEncoder  # noqa: E402
from sklearn.metrics import roc_auc_score  # noqa: E402


class Timed(AutoEncoder):
    """Knows how much of `fit` went into scores of the training rows."""

    scoring = 0.0

    def decision_function(self, *args, **kwargs):
        start = time.perf_counter()
        scores = super().decision_function(*args, **kwargs)
        self.scoring += time.perf_counter() - start
        return scores


started = time.time() - launched
start = time.perf_counter()
table = pandas.read_csv(file)
truth = (table[label] != 0).to_numpy().astype(int)
numbers = table.drop(columns=label).select_dtypes("number")
rows = numbers.fillna(numbers.median()).to_numpy()
read = time.perf_counter() - start

start = time.perf_counter()
AutoEncoder(epoch_num=1, verbose=0).fit(rows[:500])
warm_up = time.perf_counter() - start

detector = Timed(random_state=seed, verbose=0)
start = time.perf_counter()
detector.fit(rows)
fit = time.perf_counter() - start
print(
    json.dumps(
        {
            "version": f"PyOD {pyod.__version__}, PyTorch {torch.__version__}, {torch.get_num_threads()} threads",
            "rows": len(rows),
            "columns": rows.shape[1],
            "epochs": detector.epoch_num,
            "batchSize": detector.batch_size,
            "start": started,
            "warmUp": warm_up,
            "read": read,
            "train": fit - detector.scoring,
            "score": detector.scoring,
            "auroc": float(roc_auc_score(truth, detector.decision_scores_)),
        }
    )
)

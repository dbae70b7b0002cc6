"""From records to knowledge: a question (`Task`), the people it concerns, what was known, a model, a verdict.

`train` is imported when it is first used: it brings scikit-learn and XGBoost with it.
"""

from lhs_helpers.learning.cohort import cohort, split_people
from lhs_helpers.learning.comparison import paired_difference
from lhs_helpers.learning.evaluation import calibration_table, evaluate, net_benefit
from lhs_helpers.learning.features import features, vocabulary
from lhs_helpers.learning.follow_up import cumulative_incidence
from lhs_helpers.learning.task import Task

__all__ = [
    "ALGORITHMS",
    "Task",
    "calibration_table",
    "cohort",
    "cumulative_incidence",
    "evaluate",
    "features",
    "net_benefit",
    "paired_difference",
    "split_people",
    "train",
    "vocabulary",
]


def __getattr__(name: str):
    if name in ("ALGORITHMS", "train"):
        from lhs_helpers.learning import training

        return getattr(training, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

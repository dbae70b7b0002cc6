"""From records to knowledge: a question (`Task`), the people it concerns, what was known, a model, a verdict.

`train` and `tune` are imported when they are first used: they bring scikit-learn and XGBoost with them.
"""

from lhs_helpers.learning.aces import to_aces
from lhs_helpers.learning.audit import audit, time_machine
from lhs_helpers.learning.calibration import calibration_curve
from lhs_helpers.learning.case_control import case_control_sample, prior_corrected
from lhs_helpers.learning.ceilings import ceilings, learning_curve
from lhs_helpers.learning.cohort import cohort, flow, split_people
from lhs_helpers.learning.companions import companions
from lhs_helpers.learning.comparison import moved, paired_difference, reclassification
from lhs_helpers.learning.evaluation import calibration_table, evaluate, net_benefit
from lhs_helpers.learning.explain import (
    beside_what_was_put_in,
    largest_errors,
    partial_dependence,
    permutation_importance,
    time_lines,
)
from lhs_helpers.learning.features import features
from lhs_helpers.learning.follow_up import cumulative_incidence
from lhs_helpers.learning.index_rule import IndexRule
from lhs_helpers.learning.plan import FeaturePlan
from lhs_helpers.learning.reporting import Study, tripod_ai
from lhs_helpers.learning.sample_size import cox_snell_r2, instability, required_sample_size
from lhs_helpers.learning.subgroups import by_group, characteristics
from lhs_helpers.learning.task import Task
from lhs_helpers.learning.vocabulary import vocabulary

__all__ = [
    "ALGORITHMS",
    "FeaturePlan",
    "IndexRule",
    "Study",
    "Task",
    "audit",
    "beside_what_was_put_in",
    "by_group",
    "calibration_curve",
    "calibration_table",
    "case_control_sample",
    "ceilings",
    "characteristics",
    "cohort",
    "companions",
    "cox_snell_r2",
    "cumulative_incidence",
    "evaluate",
    "features",
    "flow",
    "instability",
    "largest_errors",
    "learning_curve",
    "moved",
    "net_benefit",
    "paired_difference",
    "partial_dependence",
    "permutation_importance",
    "prior_corrected",
    "reclassification",
    "required_sample_size",
    "split_people",
    "time_lines",
    "time_machine",
    "to_aces",
    "train",
    "tripod_ai",
    "tune",
    "vocabulary",
]


def __getattr__(name: str):
    if name in ("ALGORITHMS", "train"):
        from lhs_helpers.learning import training

        return getattr(training, name)
    if name == "tune":
        from lhs_helpers.learning.tuning import tune

        return tune
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

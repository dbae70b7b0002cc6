"""A model as a file that can be checked before it is opened: skops, or XGBoost's own JSON. Never pickle.

Unpickling runs whatever the file says. skops lists the types a file names before it makes any of them, and
XGBoost's JSON holds numbers only. The same model is not the same bytes twice in skops, which names its parts
by memory address; XGBoost's JSON is.
"""

import importlib

import numpy as np
import pandas as pd
import skops.io
from sklearn.base import BaseEstimator
from sklearn.pipeline import Pipeline, make_pipeline
from xgboost import XGBClassifier

from lhs_helpers.errors import LHSError
from lhs_helpers.learning.training import NamedColumns

SKOPS, XGBOOST = "model.skops", "model.json"
# What our pipelines are made of and skops does not trust unasked. Our own estimators are added by `_trusted`.
TRUSTED = {
    "numpy.dtype",
    "sklearn.tree._tree.Tree",
    "sklearn.calibration._CalibratedClassifier",
    "sklearn.calibration._SigmoidCalibration",
}


def model_bytes(model: Pipeline) -> tuple[str, bytes]:
    """Name and content of the file of a fitted pipeline.

    Raises
    ------
    LHSError
        When it is not one of ``lhs_helpers.learning.train``, or holds a type that `load_model` would refuse.
    """
    if not isinstance(model, Pipeline) or not isinstance(model[0], NamedColumns):
        raise LHSError(
            f"The model is a {type(model).__name__}; release a pipeline made by lhs_helpers.learning.train."
        )
    if len(model) == 2 and isinstance(model[1], XGBClassifier):
        return XGBOOST, bytes(model[1].get_booster().save_raw("json"))
    content = skops.io.dumps(model)
    _refuse(skops.io.get_untrusted_types(data=content), "The model")
    return SKOPS, content


def load_model(name: str, content: bytes, columns: list[str]) -> Pipeline:
    """The pipeline in a model file whose hash has been checked; it predicts on one core.

    Raises
    ------
    LHSError
        When the file names types that are not trusted, can not be read, or was trained on other columns.
    """
    try:
        model = _load_xgboost(content, columns) if name == XGBOOST else _load_skops(content)
        trained_on = list(model[0].columns_)
    except LHSError:
        raise
    except Exception as error:  # whatever a library makes of a file that is not its own
        raise LHSError(f"{name} holds no model that can be read ({type(error).__name__}).") from None
    if trained_on != columns:
        raise LHSError(
            f"{name} was trained on {len(trained_on)} columns that are not the {len(columns)} of the feature "
            "dictionary; ask for the release anew."
        )
    if "n_jobs" in model[-1].get_params():
        model[-1].set_params(n_jobs=1)  # one patient at a time: starting threads costs more than it saves
    return model


def _load_skops(content: bytes) -> Pipeline:
    named = skops.io.get_untrusted_types(data=content)
    _refuse(named, SKOPS)
    return skops.io.loads(content, trusted=named)


def _load_xgboost(content: bytes, columns: list[str]) -> Pipeline:
    trees = XGBClassifier()
    trees.load_model(bytearray(content))
    if trees.n_features_in_ != len(columns):
        raise LHSError(
            f"{XGBOOST} was trained on {trees.n_features_in_} columns, and the feature dictionary has "
            f"{len(columns)}; ask for the release anew."
        )
    return make_pipeline(_named(columns), trees)


def _named(columns: list[str]) -> NamedColumns:
    """The first step of a pipeline; XGBoost's file does not say how many people it learned from."""
    first = NamedColumns()
    first.columns_, first.constant_ = list(columns), []
    first.people_, first.outcomes_, first.missing_ = 0, 0, np.nan
    return first


def _refuse(named: list[str], what: str) -> None:
    strange = [name for name in named if not _trusted(name)]
    if strange:
        raise LHSError(
            f"{what} holds types that are not trusted: {', '.join(strange[:3])}. Nothing of it was run; "
            "release a model made by lhs_helpers.learning.train."
        )


def _trusted(name: str) -> bool:
    """Whether skops may make this type: known parts of scikit-learn, and estimators of this package."""
    if name in TRUSTED:
        return True
    module, _, attribute = name.rpartition(".")
    if not module.startswith("lhs_helpers."):
        return False
    try:
        found = getattr(importlib.import_module(module), attribute, None)
    except ImportError:
        return False
    return isinstance(found, type) and issubclass(found, BaseEstimator)


def probe(columns: list[str]) -> pd.DataFrame:
    """Sixteen rows of invented numbers: who loads a model checks that its risks of them are still the same."""
    draw = np.random.default_rng(len(columns))
    numbers = draw.choice([0, 1, np.nan, 40, 120], (16, len(columns))).astype(np.float32)
    return pd.DataFrame(numbers, columns=columns)

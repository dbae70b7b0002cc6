"""A release: a folder with a model and all that another site needs to check it, use it and adapt it.

    manifest.json      what it is, what made it, and the SHA-256 of every file
    model.skops        the model; model.json when it is XGBoost's own form
    task.json          the question, the threshold, and the adjustment of the log-odds
    features.json      the feature dictionary: one row per column of the matrix
    metrics.json       what was measured, with intervals
    risk_groups.json   predicted and observed risk in groups: the interval that a card shows
    probe.json         invented rows and the risks they must get
    model_card.json    the CHAI applied model card; model_card.md is the same to read
    plan.json, tripod_ai.json   when given: the change-control plan, the TRIPOD+AI items

Hashes tell that nothing was altered since `release`; they do not tell who released it. Ask the maker for the
identity by another way, and pass it to `load`.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from lhs_helpers.errors import LHSError
from lhs_helpers.learning import Task
from lhs_helpers.learning.vocabulary import VOCABULARY_COLUMNS
from lhs_helpers.system.adjustment import adjusted, recalibrated
from lhs_helpers.system.frames import as_frame, as_plain, serialised
from lhs_helpers.system.model_card import markdown, model_card
from lhs_helpers.system.model_file import load_model, model_bytes, probe
from lhs_helpers.system.release_files import ALWAYS, MODELS, checked_files, write_files
from lhs_helpers.system.released import Release

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

    from lhs_helpers.records.emr import EMR

__all__ = ["Release", "adjusted", "load", "recalibrated", "release", "same_but"]

# A library may round differently from one machine to the next; a model that changed differs by much more.
SAME_RISK = 1e-4


def release(
    folder: Path | str,
    *,
    name: str,
    version: str,
    date: str,
    model: "Pipeline",
    algorithm: str,
    task: Task,
    features: pd.DataFrame,
    threshold: float,
    metrics: pd.DataFrame,
    risk_groups: pd.DataFrame,
    groups: pd.DataFrame | None = None,
    adjustment: tuple[float, float] = (0.0, 1.0),
    stated: Mapping[str, str] | None = None,
    plan: Mapping[str, Any] | None = None,
    tripod: pd.DataFrame | None = None,
) -> Release:
    """Write a release into a new or empty folder; it appears there whole or not at all.

    Parameters
    ----------
    folder : Path or str
    name, version, date : str
        What it is called, which one it is, and the day of the release; nothing here reads a clock.
    model : Pipeline
        From ``learning.train``.
    algorithm : str
    task : Task
    features : DataFrame
        From ``learning.vocabulary``: the columns the model was trained on.
    threshold : float
        Alert when the risk is at least this.
    metrics : DataFrame
        From ``learning.evaluate``, on people the model has not learned from.
    risk_groups : DataFrame
        From ``learning.calibration_table``, on the same people.
    groups : DataFrame, optional
        `metrics` by group, with a column ``group``.
    adjustment : tuple of float
        Intercept and slope put on the model's log-odds.
    stated : mapping, optional
        What people state in the model card, by element of its form.
    plan : mapping, optional
        The change-control plan.
    tripod : DataFrame, optional
        The TRIPOD+AI items and where each is reported.

    Returns
    -------
    Release
        As `load` reads it back.

    Raises
    ------
    LHSError
        When a part does not fit the others, or the folder is not empty or can not be written.
    """
    folder = Path(folder)
    metrics = metrics.rename_axis("measure")
    model_name, content = model_bytes(model)
    _refuse_unfit(model, features, threshold, risk_groups, adjustment)
    card = model_card(
        name=name,
        version=version,
        date=date,
        task=task,
        algorithm=algorithm,
        threshold=threshold,
        features=features,
        metrics=metrics,
        groups=groups,
        stated=stated,
    )
    question = task.to_dict() | {"threshold": threshold, "adjustment": [float(x) for x in adjustment]}
    rows = probe(list(features["name"]))
    expected = adjusted(model.predict_proba(rows)[:, 1], adjustment)
    files: dict[str, bytes] = {
        model_name: content,
        "task.json": serialised(question),
        "features.json": serialised(as_plain(features[VOCABULARY_COLUMNS])),
        "metrics.json": serialised(as_plain(metrics)),
        "risk_groups.json": serialised(as_plain(risk_groups)),
        "probe.json": serialised([float(risk) for risk in expected]),
        "model_card.json": serialised(card),
        "model_card.md": markdown(card).encode(),
    }
    if plan is not None:
        files["plan.json"] = serialised(dict(plan))
    if tripod is not None:
        files["tripod_ai.json"] = serialised(as_plain(tripod))
    about = {"name": name, "version": version, "date": date, "algorithm": algorithm}
    write_files(folder, about, files)
    return load(folder)


def load(folder: Path | str, *, site: "EMR | None" = None, identity: str | None = None) -> Release:
    """Open a release after checking it.

    Parameters
    ----------
    folder : Path or str
    site : EMR, optional
        The record it will be used on; it must have every code of the feature dictionary, in its unit.
    identity : str, optional
        What the maker says its identity is.

    Raises
    ------
    LHSError
        When a file was altered, added or lost; it was made by a newer version of this package or of a library;
        the model names types that are not trusted, has other columns, or gives other risks than it did; the
        site lacks a feature; or the identity is another.
    """
    folder = Path(folder)
    manifest, files = checked_files(folder)
    if identity is not None and identity != manifest["identity"]:
        raise LHSError(
            f"{folder} has the identity {manifest['identity'][:16]}…, and {identity[:16]}… was expected: "
            "it is another release. Ask its maker."
        )
    try:
        question = {name: json.loads(files[name]) for name in ALWAYS if name.endswith(".json")}
        task = dict(question["task.json"])
        threshold, adjustment = task.pop("threshold"), tuple(task.pop("adjustment"))
        features = as_frame(question["features.json"])
        parts = {
            "task": Task.from_dict(task),
            "threshold": threshold,
            "adjustment": adjustment,
            "features": features,
            "metrics": as_frame(question["metrics.json"]),
            "risk_groups": as_frame(question["risk_groups.json"]),
            "card": question["model_card.json"],
        }
    except (ValueError, KeyError, TypeError) as error:
        raise LHSError(
            f"{folder} is no release of this form ({type(error).__name__}); ask for it anew."
        ) from None
    file = next(name for name in MODELS if name in files)
    model = load_model(file, files[file], list(features["name"]))
    about = {key: manifest[key] for key in ("name", "version", "date", "algorithm", "identity", "made_with")}
    loaded = Release(folder=folder, model=model, **about, **parts)
    _refuse_unfit(model, features, threshold, loaded.risk_groups, adjustment)
    _check_probe(loaded, question["probe.json"])
    if site is not None:
        loaded.check_site(site)
    return loaded


def same_but(given: Release, folder: Path | str, **changed: Any) -> Release:
    """A new release of the same model with other parts: `adjustment`, `metrics`, `version`, ... of another site."""
    kept = {
        part: getattr(given, part)
        for part in ("name", "version", "date", "model", "algorithm", "task", "features", "threshold")
    }
    kept |= {part: getattr(given, part) for part in ("metrics", "risk_groups", "adjustment")}
    return release(folder, **(kept | changed))


def _refuse_unfit(
    model: "Pipeline", features: pd.DataFrame, threshold: float, risk_groups: pd.DataFrame, adjustment: tuple
) -> None:
    if list(features.columns) != VOCABULARY_COLUMNS or not features["name"].is_unique:
        raise LHSError(
            f"The feature dictionary must have the columns {', '.join(VOCABULARY_COLUMNS)} and no name twice; "
            "pass the frame that learning.vocabulary returned."
        )
    if list(getattr(model[0], "columns_", [])) != list(features["name"]):
        raise LHSError(
            "The model was trained on other columns than the feature dictionary has; pass the vocabulary that "
            "made its features."
        )
    if not 0 <= threshold <= 1:
        raise LHSError(f"The threshold is {threshold}; it is a risk, so give a number between 0 and 1.")
    if not {"predicted", "low", "high", "people"} <= set(risk_groups.columns) or risk_groups.empty:
        raise LHSError("risk_groups must be a table of learning.calibration_table with at least one group.")
    if len(adjustment) != 2 or not np.isfinite(np.asarray(adjustment, dtype=float)).all():
        raise LHSError(f"The adjustment is {adjustment}; give an intercept and a slope, such as (0, 1).")


def _check_probe(loaded: Release, expected: list[float]) -> None:
    found = loaded.risk(probe(list(loaded.features["name"])))
    if len(expected) != len(found) or not np.allclose(found, expected, atol=SAME_RISK, rtol=0):
        made = ", ".join(f"{library} {version}" for library, version in loaded.made_with.items())
        raise LHSError(
            f"{loaded.folder}: the model gives other risks here than where it was made ({made}). "
            "Install those versions, or ask for a release made with yours."
        )

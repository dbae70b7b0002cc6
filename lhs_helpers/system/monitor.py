"""Is the model still what it was? Drift of the inputs, calibration and discrimination in time, alerts and answers.

Plain frames in, plain frames out. Every limit says what chance alone would do with as many people: without that,
small clinics alarm and large ones sleep.
"""

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import stats

from lhs_helpers.errors import LHSError
from lhs_helpers.learning.measures import checked, discrimination, ranking

# By custom 0.1 begins to matter, for both measures; what is smaller is not called drift however many people show it.
MATERIAL = 0.1
# A group with fewer expected people makes chi-square limits too narrow, so it joins its neighbour.
LEAST_IN_BIN = 10
SIGMAS = 3.0


def data_drift(
    reference: pd.DataFrame, current: pd.DataFrame, *, bins: int = 10, false_alarm: float = 0.05
) -> pd.DataFrame:
    """How far each feature has moved from what the model learned from.

    Parameters
    ----------
    reference, current : DataFrame
        Features then and now, with the same columns; missing values are NaN.
    bins : int
        Groups of about equal size in the reference; missing is one more group.
    false_alarm : float
        Chance that, with nothing changed, any feature at all is called drifted; it is shared among them.

    Returns
    -------
    DataFrame
        Indexed by ``feature``: ``psi`` (population stability index), ``psi_limit``, ``smd`` (standardised mean
        difference of those measured: now minus then, in standard deviations), ``smd_limit``, ``missing_then`` and
        ``missing_now`` (shares), ``drifted``: one of the two is beyond its limit, which is the larger of what
        chance does and 0.1. The one that moved most comes first.

    Notes
    -----
    Without drift PSI is about (1/n + 1/m) times a chi-square with one degree of freedom less than there are
    groups (Yurdakul and Naranjo 2020, doi:10.21314/JRMV.2020.227).
    """
    if list(reference.columns) != list(current.columns) or not reference.size or not current.size:
        raise LHSError(
            "reference and current need the same columns and at least one person each; make both with the "
            "vocabulary of the release."
        )
    alpha = false_alarm / (2 * reference.shape[1])
    n, m = len(reference), len(current)
    rows = []
    for feature in reference.columns:
        then, now = (frame[feature].to_numpy(dtype=float) for frame in (reference, current))
        psi, groups = _psi(then, now, bins)
        smd, error = _smd(then, now)
        chance = (1 / n + 1 / m) * stats.chi2.isf(alpha, max(groups - 1, 1))
        limits = max(MATERIAL, chance), max(MATERIAL, stats.norm.isf(alpha / 2) * error)
        drifted = psi > limits[0] or abs(smd) > limits[1]
        missing = np.isnan(then).mean(), np.isnan(now).mean()
        rows.append((feature, psi, limits[0], smd, limits[1], *missing, bool(drifted)))
    columns = ["feature", "psi", "psi_limit", "smd", "smd_limit", "missing_then", "missing_now", "drifted"]
    return pd.DataFrame(rows, columns=columns).set_index("feature").sort_values("psi", ascending=False)


def performance_over_time(
    predictions: pd.DataFrame, *, reference_auroc: float, every: str = "YS", least_outcomes: int = 5
) -> pd.DataFrame:
    """Calibration and discrimination in each period, with the limits inside which chance keeps a good model.

    Parameters
    ----------
    predictions : DataFrame
        One row a person and index date: ``time``, ``label`` (has arrived) and ``risk``.
    reference_auroc : float
        The AUROC at release.
    every : str
        Length of a period, as pandas has it: "MS", "QS", "YS".
    least_outcomes : int
        A period with fewer outcomes (or fewer others) gets a row without estimates.

    Returns
    -------
    DataFrame
        ``period`` (its start), ``measure`` ("AUROC" or "O/E"), ``estimate``, ``centre``, ``low``, ``high``,
        ``people``, ``outcomes``, ``outside``. Limits are 3 standard errors wide either side.

    Notes
    -----
    Of O/E: the outcomes of calibrated risks p have the variance sum p(1 - p). Of AUROC: Hanley and McNeil 1982
    (doi:10.1148/radiology.143.1.7063747), at the reference value and the period's numbers. AUROC also moves with
    the mix of patients, so a point outside asks for a look, not for a verdict.
    """
    _needs(predictions, ["time", "label", "risk"], "predictions")
    rows = []
    for period, part in predictions.groupby(pd.Grouper(key="time", freq=every)):
        y, p = part["label"].to_numpy(dtype=float), part["risk"].to_numpy(dtype=float)
        cases, others = int(y.sum()), int(len(y) - y.sum())
        if min(cases, others) < least_outcomes:
            rows += [
                (period, measure, np.nan, centre, np.nan, np.nan, len(y), cases)
                for measure, centre in (("AUROC", reference_auroc), ("O/E", 1.0))
            ]
            continue
        y, p = checked(y, p)
        auroc = discrimination(np.ones((1, len(y))), ranking(y, p))[0][0]
        half = SIGMAS * _auroc_error(reference_auroc, cases, others)
        rows.append(
            (period, "AUROC", auroc, reference_auroc, reference_auroc - half, reference_auroc + half)
            + (len(y), cases)
        )
        half = SIGMAS * np.sqrt((p * (1 - p)).sum()) / p.sum()
        rows.append((period, "O/E", cases / p.sum(), 1.0, max(0.0, 1 - half), 1 + half, len(y), cases))
    columns = ["period", "measure", "estimate", "centre", "low", "high", "people", "outcomes"]
    table = pd.DataFrame(rows, columns=columns)
    table["outside"] = (table["estimate"] < table["low"]) | (table["estimate"] > table["high"])
    return table


def expected_performance(
    risk: ArrayLike, *, threshold: float | None = None, draws: int = 200, seed: int = 0
) -> pd.DataFrame:
    """What a calibrated model would reach on these people, before a single label has arrived.

    Confidence-based performance estimation: each person counts as `risk` of a case and the rest of a non-case
    (Kivimäki et al. 2024, arXiv:2407.08649, who also name its limits).

    **Its blind spot**: labels are never looked at. When the relation between patients and outcome changes and the
    patients do not (concept shift), nothing here moves while the model fails. It can see who comes, never whether
    the model is right about them.

    Parameters
    ----------
    risk : array of float in [0, 1]
    threshold : float, optional
        Adds recall, precision and alert rate at this risk.
    draws : int
        Sets of labels that are drawn from the risks; between their 2.5th and 97.5th percentile lies what chance
        would do to a model that is right.
    seed : int

    Returns
    -------
    DataFrame
        Indexed by ``measure``: ``estimate``, ``low``, ``high``.
    """
    p = np.asarray(risk, dtype=float)
    if p.ndim != 1 or len(p) < 2 or not ((p >= 0) & (p <= 1)).all():
        raise LHSError("Risks must be a list of at least two numbers between 0 and 1.")
    p = np.sort(p)
    whole = _expected(p, p[None, :], threshold)
    labels = np.random.default_rng(seed).random((draws, len(p))) < p
    chance = _expected(p, labels.astype(float), threshold)
    rows = {
        measure: (whole[measure][0], *np.nanpercentile(chance[measure], [2.5, 97.5])) for measure in whole
    }
    return pd.DataFrame(rows, index=["estimate", "low", "high"]).T.rename_axis("measure")


def alert_burden(
    risks: pd.DataFrame, feedback: pd.DataFrame | None = None, *, every: str = "MS"
) -> pd.DataFrame:
    """How many alerts, and whether anybody still listens.

    Parameters
    ----------
    risks : DataFrame
        As ``read_risks`` gives it: ``received_at``, ``person``, ``card`` and ``alert``.
    feedback : DataFrame, optional
        As ``read_feedback`` gives it: ``card``, ``outcome``, ``received_at``. The last answer to a card counts.
    every : str
        Length of a period.

    Returns
    -------
    DataFrame
        Per ``period``: ``calls``, ``alerts`` (risks at or above the threshold, shown or not), ``cards`` (shown),
        ``repeats`` (cards to a person who had one before), ``accepted``, ``overridden``, ``ignored`` (never
        answered), ``per_100`` (cards a hundred calls), ``overridden_share`` of the answered with its 95 % Wilson
        interval ``low`` to ``high``. A share that rises while the cards stay as good is fatigue.
    """
    _needs(risks, ["received_at", "person", "card", "alert"], "risks")
    calls = risks.sort_values("received_at", kind="stable")
    shown = calls["card"].notna()
    answers = pd.Series(dtype=object)
    if feedback is not None and len(feedback):
        _needs(feedback, ["card", "outcome", "received_at"], "feedback")
        last = feedback.sort_values("received_at", kind="stable").drop_duplicates("card", keep="last")
        answers = last.set_index("card")["outcome"]
    outcome = calls["card"].map(answers)
    table = pd.DataFrame(
        {
            "period": calls["received_at"],
            "calls": 1,
            "alerts": calls["alert"].astype(int),
            "cards": shown.astype(int),
            "repeats": (shown & calls[shown].duplicated("person").reindex(calls.index, fill_value=False)),
            "accepted": outcome == "accepted",
            "overridden": outcome == "overridden",
            "ignored": shown & outcome.isna(),
        }
    )
    table = table.groupby(pd.Grouper(key="period", freq=every)).sum().astype(int).reset_index()
    answered = table["accepted"] + table["overridden"]
    table["per_100"] = 100 * table["cards"] / table["calls"].where(table["calls"] > 0)
    table["overridden_share"] = table["overridden"] / answered.where(answered > 0)
    table["low"], table["high"] = _wilson(table["overridden"], answered)
    return table


def _psi(then: np.ndarray, now: np.ndarray, bins: int) -> tuple[float, int]:
    """Population stability index, and over how many groups."""
    measured = then[~np.isnan(then)]
    cuts = np.linspace(0, 1, bins + 1)[1:-1]
    edges = np.unique(np.quantile(measured, cuts)) if len(measured) else np.empty(0)
    # A value equal to an edge belongs above it, so that a flag of 0 and 1 makes two groups.
    counts = [
        np.append(
            np.bincount(np.searchsorted(edges, x[~np.isnan(x)], "right"), minlength=len(edges) + 1),
            np.isnan(x).sum(),
        )
        for x in (then, now)
    ]
    a, b = _joined(*counts)
    if len(a) < 2:
        return 0.0, 1
    # Half a person more in each group: an empty group is far away, not infinitely far.
    p, q = ((x + 0.5) / (x.sum() + 0.5 * len(x)) for x in (a, b))
    return float(((q - p) * np.log(q / p)).sum()), len(a)


def _joined(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Neighbouring groups joined until each expects enough people in the smaller of the two samples."""
    share = (a + b) / (a.sum() + b.sum())
    expected = share * min(a.sum(), b.sum())
    ends, waiting = [], 0.0
    for group, people in enumerate(expected):
        waiting += people
        if waiting >= LEAST_IN_BIN:
            ends.append(group + 1)
            waiting = 0.0
    if not ends:
        return a.sum(keepdims=True), b.sum(keepdims=True)
    starts = [0, *ends[:-1]]
    return np.add.reduceat(a, starts), np.add.reduceat(b, starts)


def _smd(then: np.ndarray, now: np.ndarray) -> tuple[float, float]:
    """Standardised mean difference, and its standard error without drift."""
    a, b = then[~np.isnan(then)], now[~np.isnan(now)]
    if len(a) < 2 or len(b) < 2:
        return 0.0, np.inf
    spread = np.sqrt((a.var(ddof=1) + b.var(ddof=1)) / 2)
    error = np.sqrt(1 / len(a) + 1 / len(b))
    if spread == 0:
        return (0.0 if a[0] == b[0] else np.inf * np.sign(b[0] - a[0])), error
    return float((b.mean() - a.mean()) / spread), error


def _auroc_error(auroc: float, cases: int, others: int) -> float:
    q1, q2 = auroc / (2 - auroc), 2 * auroc**2 / (1 + auroc)
    variance = auroc * (1 - auroc) + (cases - 1) * (q1 - auroc**2) + (others - 1) * (q2 - auroc**2)
    return float(np.sqrt(variance / (cases * others)))


def _expected(p: np.ndarray, y: np.ndarray, threshold: float | None) -> dict[str, np.ndarray]:
    """Measures per row of (possibly fractional) labels `y`, for risks `p` in rising order."""
    cases, others = y.sum(1), (1 - y).sum(1)
    below = np.concatenate([np.zeros((len(y), 1)), np.cumsum(1 - y, axis=1)], axis=1)
    left, right = np.searchsorted(p, p, "left"), np.searchsorted(p, p, "right")
    with np.errstate(invalid="ignore", divide="ignore"):
        # Nobody is compared with themselves: with whole labels this is 0.
        oneself = (y * (1 - y)).sum(1)
        auroc = (y * (below[:, left] + below[:, right])).sum(1) - oneself
        auroc = auroc / (2 * (cases * others - oneself))
        measures = {"prevalence": cases / len(p), "AUROC": auroc}
        if threshold is not None:
            alert = p >= threshold
            true = y[:, alert].sum(1)
            measures |= {"recall": true / cases, "precision": true / max(alert.sum(), 1)}
            measures["alert rate"] = np.full(len(y), alert.mean())
    return measures


def _wilson(events: pd.Series, n: pd.Series) -> tuple[pd.Series, pd.Series]:
    n, z2 = n.where(n > 0).astype(float), 1.959964**2
    share = events / n
    centre = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = np.sqrt(z2 * share * (1 - share) / n + z2**2 / (4 * n**2)) / (1 + z2 / n)
    return centre - half, centre + half


def _needs(frame: pd.DataFrame, columns: list[str], name: str) -> None:
    missing = [column for column in columns if column not in frame.columns]
    if missing:
        raise LHSError(f"{name} lacks the columns {', '.join(missing)}; it needs {', '.join(columns)}.")

"""Draws patient.svg: six years of one person's record, and what it does not say. After a change run, from the
project's folder: python book/images/patient.py

The hospital and the person are those of page 04. A test compares picture and caption with what this script finds.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from lhs_helpers.patients import cached_hospital

LUNG_CANCER, WEIGHT, HAEMOGLOBIN = "SNOMED:363358000", "LOINC:29463-7", "LOINC:718-7"
TELLING = ["SNOMED:49727002", "SNOMED:267036007"]  # cough, dyspnoea
LEFT, RIGHT, BOTTOM = 24, 376, 500
INK, SOFT, BLUE, RED, PAPER = "#111111", "#6E6E66", "#0072B2", "#B34E00", "#FBFBF8"


class Patient:
    """Of all in whom lung cancer was diagnosed in the recorded years, the one with the most rows."""

    def __init__(self):
        hospital = cached_hospital(patients=7_500, years=6, seed=4, start="2014-01-01")
        self.emr = hospital.emr
        self.start, self.end = self.emr.period
        self.person = self.emr.sql(f"""
            SELECT patient_id FROM events WHERE patient_id IN (SELECT patient_id FROM conditions
                WHERE code = '{LUNG_CANCER}' AND time >= '{self.start}')
            GROUP BY patient_id ORDER BY count(*) DESC, patient_id LIMIT 1
        """)["patient_id"][0]
        lives = hospital.truth.lives()
        cancer = lives[(lives["patient_id"] == self.person) & (lives["disease"] == "lung_cancer")].iloc[0]
        self.began, self.found = cancer["onset"], cancer["diagnosed"]
        self.visits = self.rows("encounters")["time"]
        complaints = self.rows("conditions")
        complaints = complaints[
            complaints["description"].str.contains("finding") & (complaints["time"] >= self.start)
        ]
        self.telling = complaints.loc[complaints["code"].isin(TELLING), "time"]
        self.others = complaints.loc[~complaints["code"].isin(TELLING), "time"]
        measured = self.rows("observations")
        self.weight, self.haemoglobin = (
            measured[measured["code"] == code].set_index("time")["value"] for code in (WEIGHT, HAEMOGLOBIN)
        )

    def rows(self, table: str) -> pd.DataFrame:
        return self.emr.sql(f"""
            SELECT t.*, description FROM {table} t LEFT JOIN concepts USING (code)
            WHERE patient_id = {self.person} ORDER BY time, code
        """)

    @property
    def months_unseen(self) -> int:
        return round((self.found - self.began).days / 30.44)

    @property
    def visits_unseen(self) -> int:
        return int(self.visits.between(self.began, self.found, inclusive="left").sum())

    def across(self, time: pd.Timestamp) -> float:
        return round(LEFT + (RIGHT - LEFT) * ((time - self.start) / (self.end - self.start)), 1)


def course(values: pd.Series) -> pd.Series:
    """The median of each quarter of a year, at its middle: single readings scatter, and some are wrong."""
    return values.groupby(values.index.to_period("Q")).median()


def curve(patient: Patient, values: pd.Series, name: str, top: int, height: int) -> list[str]:
    """The course of a measurement with its first and last value."""
    medians = course(values)
    x = [patient.across(q.start_time + (q.end_time - q.start_time) / 2) for q in medians.index]
    y = np.interp(medians, (medians.min(), medians.max()), (top + height, top)).round(1)
    first, last = medians.iloc[0], medians.iloc[-1]
    number = "{:.0f}" if medians.max() > 50 else "{:.1f}"
    points = " ".join(f"{a},{b}" for a, b in zip(x, y, strict=True))
    return [
        text(LEFT, top - 12, f"{name}: {number.format(first)} at first, {number.format(last)} at last"),
        f'  <polyline points="{points}" fill="none" stroke="{BLUE}" stroke-width="3" stroke-linejoin="round"/>',
    ]


def text(x: float, y: float, words: str, anchor: str = "start", color: str = INK, weight: int = 400) -> str:
    """Words with a light rim, which keeps the lines behind them off the letters."""
    return (
        f'  <text x="{x}" y="{y}" font-size="15" text-anchor="{anchor}" font-weight="{weight}" '
        f'fill="{color}" stroke="{PAPER}" stroke-width="3" stroke-linejoin="round" paint-order="stroke">{words}</text>'
    )


def drawing(patient: Patient) -> str:
    began, found = patient.across(patient.began), patient.across(patient.found)
    months = patient.months_unseen
    # Left of its line, unless the line is so far left that there is no room.
    x, anchor = (began - 5, "end") if began > LEFT + 150 else (LEFT, "start")
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 400 {BOTTOM + 44}" role="img" '
        'aria-labelledby="t d" font-family="system-ui, -apple-system, \'Segoe UI\', Roboto, Helvetica, Arial, '
        'sans-serif">',
        f'  <title id="t">{months} months in which nobody knew</title>',
        f'  <desc id="d">{alt(patient)}</desc>',
        f'  <rect x="1" y="1" width="398" height="{BOTTOM + 42}" rx="14" fill="{PAPER}" stroke="#CFCFC8"/>',
        f'  <text x="{LEFT}" y="36" font-size="18" font-weight="700" fill="#222222">{months} months in which nobody '
        "knew</text>",
        f'  <rect x="{began}" y="88" width="{round(found - began, 1)}" height="{BOTTOM - 88}" fill="#F6DDCB"/>',
        f'  <path d="M{began} 88 V{BOTTOM} M{found} 88 V{BOTTOM}" stroke="{RED}" stroke-width="2"/>',
        text(x, 64, "the cancer begins", anchor, RED, 700),
        text(found + 5, 84, "and is found", "start", RED, 700),
    ]
    for year in range(patient.start.year, patient.end.year + 1):
        x = patient.across(pd.Timestamp(year, 1, 1))
        parts.append(f'  <path d="M{x} {BOTTOM} v7" stroke="{SOFT}" stroke-width="1.5"/>')
        if year < patient.end.year:
            parts.append(text(round(x + (RIGHT - LEFT) / 12, 1), BOTTOM + 22, str(year), "middle"))
    parts.append(f'  <path d="M{LEFT} {BOTTOM} H{RIGHT}" stroke="{SOFT}" stroke-width="1.5"/>')
    parts.append(text(LEFT, 132, f"Visits: {len(patient.visits)}, and {patient.visits_unseen} in between"))
    ticks = " ".join(f"M{patient.across(t)} 144 v26" for t in patient.visits)
    parts.append(f'  <path d="{ticks}" stroke="{INK}" stroke-width="1.2"/>')
    parts.append(text(LEFT, 206, "Complaints; red: cough, short of breath"))
    for times, color, size in ((patient.others, SOFT, 3.5), (patient.telling, RED, 6)):
        parts += [f'  <circle cx="{patient.across(t)}" cy="226" r="{size}" fill="{color}"/>' for t in times]
    parts += curve(patient, patient.weight, "Weight (kg)", 282, 70)
    parts += curve(patient, patient.haemoglobin, "Haemoglobin (g/dL)", 404, 70)
    return "\n".join([*parts, "</svg>"]) + "\n"


def alt(patient: Patient) -> str:
    """What a reader who can not see the picture needs; the welcome page gives it in the same words."""
    weight, blood = course(patient.weight), course(patient.haemoglobin)
    return (
        f"Six years of one synthetic person's record, from {patient.start:%Y} on. Lung cancer began in "
        f"{patient.began:%B %Y} and was found in {patient.found:%B %Y}; in these {patient.months_unseen} months the "
        f"person was seen {patient.visits_unseen} times, coughed and grew short of breath, and weight "
        f"({weight.iloc[0]:.0f} to {weight.iloc[-1]:.0f} kg over the six years) and haemoglobin ({blood.iloc[0]:.1f} "
        f"to {blood.iloc[-1]:.1f} g/dL) fell."
    )


if __name__ == "__main__":
    Path(__file__).with_suffix(".svg").write_text(drawing(Patient()), encoding="utf-8")

"""Draws slow.svg: how long one turn of the learning cycle takes. Run it after a change: python book/images/slow.py

The same figures, with their sources, stand in the table below the figure on the page; a test compares them.
"""

from math import log10
from pathlib import Path

# What, the figure as it is written on the page, its length in days, and whether the parts stood ready.
SPANS = [
    ("From research to practice", "17 years", 17 * 365, False),
    ("A sepsis system, before deployment", "3 years", 3 * 365, False),
    ("An audit of two models", "8 to 10 months", 9 * 30.4, False),
    ("A national trial in care: an answer", "100 days", 100, True),
    ("A screening list, on a platform", "3 months", 91, True),
    ("The same trial: first patient", "9 days", 9, True),
]
TICKS = [(7, "week"), (30.4, "month"), (365, "year"), (3650, "10 years")]
LEFT, RIGHT, TOP, ROW = 20, 376, 66, 55
SHORTEST, LONGEST = 4, 20 * 365
SLOW, READY = "#B34E00", "#0072B2"  # dark vermilion and blue, told apart by all readers


def across(days: float) -> float:
    """Where a length of time ends on the logarithmic scale."""
    return round(LEFT + (RIGHT - LEFT) * log10(days / SHORTEST) / log10(LONGEST / SHORTEST), 1)


def drawing() -> str:
    bottom = TOP + ROW * len(SPANS)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 400 {bottom + 84}" role="img" '
        'aria-labelledby="t d" font-family="system-ui, -apple-system, \'Segoe UI\', Roboto, Helvetica, Arial, '
        'sans-serif">',
        '  <title id="t">How long one turn takes</title>',
        '  <desc id="d">'
        + "; ".join(f"{what}: {length}" for what, length, *_ in SPANS)
        + ". The scale is logarithmic.</desc>",
        f'  <rect x="1" y="1" width="398" height="{bottom + 82}" rx="14" fill="#FBFBF8" stroke="#CFCFC8"/>',
        f'  <text x="{LEFT}" y="36" font-size="18" font-weight="700" fill="#222222">Faster where the parts stand '
        "ready</text>",
    ]
    for days, name in TICKS:
        x = across(days)
        parts.append(f'  <path d="M{x} {TOP - 10} V{bottom}" stroke="#D8D8D0" stroke-width="1.5"/>')
        parts.append(
            f'  <text x="{x}" y="{bottom + 20}" font-size="15" fill="#222222" text-anchor="middle">{name}</text>'
        )
    for number, (what, length, days, ready) in enumerate(SPANS):
        y, end = TOP + ROW * number, across(days)
        color = READY if ready else SLOW
        parts.append(f'  <text x="{LEFT}" y="{y + 12}" font-size="15.5" fill="#111111">{what}</text>')
        parts.append(
            f'  <rect x="{LEFT}" y="{y + 19}" width="{round(end - LEFT, 1)}" height="22" rx="3" fill="{color}"/>'
        )
        inside = end - LEFT > 150
        parts.append(
            f'  <text x="{end - 8 if inside else end + 8}" y="{y + 35.5}" font-size="15.5" font-weight="700" '
            f'fill="{"#FFFFFF" if inside else "#111111"}" text-anchor="{"end" if inside else "start"}">'
            f"{length}</text>"
        )
    key = bottom + 44
    parts += [
        f'  <rect x="{LEFT}" y="{key}" width="16" height="16" rx="3" fill="{READY}"/>',
        f'  <text x="{LEFT + 23}" y="{key + 13.5}" font-size="15" fill="#222222">parts ready</text>',
        f'  <rect x="{LEFT + 122}" y="{key}" width="16" height="16" rx="3" fill="{SLOW}"/>',
        f'  <text x="{LEFT + 145}" y="{key + 13.5}" font-size="15" fill="#222222">parts made first</text>',
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


if __name__ == "__main__":
    Path(__file__).with_suffix(".svg").write_text(drawing(), encoding="utf-8")

"""The rows of the report, the one table that they make, and its chart."""
from dataclasses import dataclass


@dataclass
class Row:
    """One measured figure. `ratio`: to the yardstick of its group, which has none itself."""
    what: str
    who: str
    value: float
    unit: str
    spread: float = None
    ratio: float = None
    target: str = ""
    met: bool = None  # None: no target
    chart: bool = False  # a bar of the chart


def at_least(value, bound, text=None):
    """(target, met) for Row."""
    return {"target": text or f"≥ {number(bound)}", "met": value >= bound}


def at_most(value, bound, text=None):
    return {"target": text or f"≤ {number(bound)}", "met": value <= bound}


def number(value):
    """Three digits that count, thousands apart."""
    if value == 0 or abs(value) >= 100:
        return f"{value:,.0f}"
    if abs(value) >= 10:
        return f"{value:.1f}"
    return f"{value:.3g}"


def markdown(rows):
    lines = ["| what | who | median | spread | × yardstick | target | |",
             "|---|---|---:|---:|---:|---|---|"]
    before = None
    for row in rows:
        lines.append("| " + " | ".join([
            row.what if row.what != before else "",
            row.who,
            f"{number(row.value)} {row.unit}",
            "" if row.spread is None else f"{row.spread:.0%}",
            "" if row.ratio is None else f"{row.ratio:.3g}",
            row.target,
            {None: "", True: "met", False: "**missed**"}[row.met]]) + " |")
        before = row.what
    return lines


def svg(rows, title):
    """Bars of the rows that ask for one, in their order; the longest is as wide as it gets."""
    bars = [row for row in rows if row.chart]
    longest = max(row.value for row in bars)
    name_width, bar_width, step, top = 250, 420, 30, 46
    height = top + step * len(bars) + 10
    lines = [f'<svg xmlns="http://www.w3.org/2000/svg" width="800" height="{height}" '
             'font-family="sans-serif" font-size="14">',
             f'<rect width="800" height="{height}" fill="white"/>',
             f'<text x="12" y="26" font-weight="bold">{_escaped(title)}</text>']
    for at, row in enumerate(bars):
        y = top + step * at
        width = max(1, round(bar_width * row.value / longest))
        color = "#2a6f97" if row.who.startswith("lastseen") else "#adb5bd"
        lines += [f'<text x="{name_width - 8}" y="{y + 15}" text-anchor="end">'
                  f'{_escaped(row.who)}</text>',
                  f'<rect x="{name_width}" y="{y}" width="{width}" height="20" fill="{color}"/>',
                  f'<text x="{name_width + width + 6}" y="{y + 15}">{number(row.value)}</text>']
    return "\n".join([*lines, "</svg>", ""])


def _escaped(text):
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")

#!/usr/bin/env python3
"""Writes what the benches have printed into docs/performance.md and docs/dependencies.md, and draws the charts.

Each table of the output replaces the table under the heading of the same name. Ratios that depend on
the day are kept in runs/, a file for each day, and shown side by side.
"""

import datetime
import re
import sys
from pathlib import Path

WIDTH, HEIGHT, LEFT, TOP, BOTTOM = 720, 330, 70, 50, 60
# Where nothing but time is measured, which no two days have alike.
TIMED = [
    "Handshakes",
    "Handshakes with rustls as the peer",
    "Tickets",
    "Sending",
    "Receiving in memory",
    "Receiving from a socket",
    "64-byte records in one buffer",
    "Identity",
    "STARTTLS dialog",
    "Evaluating a chain",
    "Text",
]
COLOURS = ["#0b6e99", "#d9730d", "#6940a5", "#0f7b6c", "#9b9a97"]


def tables(text):
    """The tables by the heading above them, each a list of lines."""
    found, heading = {}, None
    for line in text.splitlines():
        if line.startswith("## "):
            heading = line[3:].strip()
        elif line.startswith("|") and heading:
            found.setdefault(heading, []).append(line.rstrip())
    return found


def replaced(document, found):
    """The document with its tables replaced, and the headings that were."""
    lines, out, heading, is_done = document.splitlines(), [], None, set()
    for line in lines:
        title = re.match(r"#+ (.*)", line)
        if title:
            heading = title.group(1).strip()
        if line.startswith("|") and heading in found:
            if heading not in is_done:
                out.extend(found[heading])
                is_done.add(heading)
            continue
        out.append(line)
    return "\n".join(out) + "\n", is_done


def cells(line):
    return [cell.strip() for cell in line.strip("|").split("|")]


def written(found):
    """The timed tables as the benches print them."""
    parts = ["\n".join([f"## {heading}", "", *found[heading]]) for heading in TIMED if heading in found]
    return "\n\n".join(parts) + "\n"


def days(runs):
    """A table of the ratios that have a target, with a column for each of the runs."""
    ratios = {}
    for day, found in runs.items():
        for heading in TIMED:
            table = found.get(heading, [])
            columns = cells(table[0]) if table else []
            for line in table[2:]:
                row = cells(line)
                for column, cell in zip(columns[2:], row[2:]):
                    read = re.match(r"\*\*([0-9.]+)\*\* \(([0-9.]+) to ([0-9.]+)\), (. [0-9.]+)", cell)
                    if read:
                        ratio, low, high, target = read.groups()
                        name = (heading, row[0], column.removeprefix("beside "), target)
                        ratios.setdefault(name, {})[day] = f"{ratio} ({low} to {high})"
    lines = [
        f"| section | what | beside | target | {' | '.join(runs)} |",
        "|---|---|---|---|" + "---|" * len(runs),
    ]
    for name, by_day in ratios.items():
        lines.append(f"| {' | '.join(name)} | {' | '.join(by_day.get(day, '') for day in runs)} |")
    return lines


def throughput(table):
    """Write sizes, and by contestant MB/s."""
    columns = cells(table[0])
    names = ["mail-tls"] + [name.removeprefix("beside ") for name in columns[2:]]
    sizes, series = [], {name: [] for name in names}
    for line in table[2:]:
        row = cells(line)
        if not row[0].startswith("writes of "):
            continue
        sizes.append(row[0].removeprefix("writes of "))
        ours = float(row[1].split()[0])
        series["mail-tls"].append(ours)
        for name, cell in zip(names[1:], row[2:]):
            ratio = re.match(r"\*\*([0-9.]+)", cell)
            series[name].append(ours / float(ratio.group(1)) if ratio else None)
    return sizes, series


def memory(table):
    """Numbers of sessions, and bytes for each."""
    rows = [cells(line) for line in table[2:]]
    counts = [f"{int(row[0]):,}" for row in rows]
    return counts, {
        "heap of Rust": [float(row[1]) for row in rows],
        "resident": [float(row[2]) for row in rows],
    }


def bars(title, unit, groups, series):
    """An SVG with a group of bars for each of the groups."""
    top = max(value for values in series.values() for value in values if value)
    step = 10 ** (len(str(int(top))) - 1)
    top = -(-top // step) * step
    plot_width, plot_height = WIDTH - LEFT - 20, HEIGHT - TOP - BOTTOM
    svg = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" '
        f'viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12" role="img">',
        f"<title>{title}</title>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
        f'<text x="{LEFT}" y="22" font-size="15" fill="#222">{title}</text>',
        f'<text x="{LEFT}" y="40" fill="#555">{unit}</text>',
    ]
    for part in range(5):
        value = top * part / 4
        y = TOP + plot_height * (1 - part / 4)
        svg.append(f'<line x1="{LEFT}" y1="{y:.1f}" x2="{WIDTH - 20}" y2="{y:.1f}" stroke="#ddd"/>')
        svg.append(
            f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end" fill="#555">{value:,.0f}</text>'
        )
    group_width = plot_width / len(groups)
    bar_width = group_width * 0.8 / len(series)
    for at, group in enumerate(groups):
        begin = LEFT + at * group_width + group_width * 0.1
        for place, (values, colour) in enumerate(zip(series.values(), COLOURS)):
            if not values[at]:
                continue
            height = plot_height * values[at] / top
            svg.append(
                f'<rect x="{begin + place * bar_width:.1f}" y="{TOP + plot_height - height:.1f}" '
                f'width="{bar_width * 0.92:.1f}" height="{height:.1f}" fill="{colour}"/>'
            )
        svg.append(
            f'<text x="{begin + group_width * 0.4:.1f}" y="{HEIGHT - BOTTOM + 18}" '
            f'text-anchor="middle" fill="#222">{group}</text>'
        )
    for place, (name, colour) in enumerate(zip(series, COLOURS)):
        x = LEFT + place * plot_width / len(series)
        svg.append(f'<rect x="{x:.1f}" y="{HEIGHT - 28}" width="12" height="12" fill="{colour}"/>')
        svg.append(f'<text x="{x + 17:.1f}" y="{HEIGHT - 17}" fill="#222">{name}</text>')
    return "\n".join(svg + ["</svg>", ""])


def main():
    output, docs = Path(sys.argv[1]).read_text(), Path(sys.argv[2])
    found = tables(output)
    kept = Path(__file__).parent / "runs"
    if "Handshakes" in found:
        (kept / f"{datetime.date.today()}.md").write_text(written(found))
    runs = {run.stem: tables(run.read_text()) for run in sorted(kept.glob("*.md"))}
    found["From day to day"] = days(runs)
    is_done = set()
    for page in [docs / "performance.md", docs / "dependencies.md"]:
        document, in_page = replaced(page.read_text(), found)
        page.write_text(document)
        is_done |= in_page
    for heading in found.keys() - is_done:
        print(f"no table under a heading {heading!r} in {docs}", file=sys.stderr)
    for name, heading, read, title, unit in [
        ("throughput", "Sending", throughput, "Sending by size of the writes", "MB/s, more is better"),
        (
            "memory",
            "Many idle sessions of a server",
            memory,
            "Idle sessions of a server by their number",
            "bytes for each session, less is better",
        ),
    ]:
        if heading in found:
            (docs / f"{name}.svg").write_text(bars(title, unit, *read(found[heading])))


main()

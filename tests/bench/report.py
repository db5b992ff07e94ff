# SPDX-License-Identifier: GPL-2.0-only
"""What was measured: a table for people, a file for machines, a verdict where there is a goal."""

import json
import statistics


class Report:
    def __init__(self):
        self.rows = []
        self.notes = []

    def row(self, measurement, name, values, unit, goal=None, note=""):
        """One line: several values of one quantity, lowest is best; goal is an upper limit."""
        values = [float(value) for value in values]
        row = {
            "measurement": measurement,
            "name": name,
            "unit": unit,
            "median": statistics.median(values) if values else None,
            "min": min(values, default=None),
            "max": max(values, default=None),
            "n": len(values),
            "goal": goal,
            "verdict": "",
            "note": note,
        }
        if goal is not None and values:
            row["verdict"] = verdict(row["median"], goal, unit)
        self.rows.append(row)
        return row["median"]

    def note(self, measurement, text):
        self.notes.append({"measurement": measurement, "text": text})

    def print_part(self, measurement):
        rows = [row for row in self.rows if row["measurement"] == measurement]
        print(f"\n== {measurement}")
        print(f"{'':52} {'median':>11} {'lowest':>11} {'highest':>11} {'n':>3} unit      goal")
        for row in rows:
            print(
                f"{row['name'][:52]:52} {shown(row['median']):>11} {shown(row['min']):>11}"
                f" {shown(row['max']):>11} {row['n']:>3} {row['unit']:9}"
                f" {'' if row['goal'] is None else '<= ' + shown(row['goal'])} {row['verdict']}"
                f"{'  (' + row['note'] + ')' if row['note'] else ''}"
            )
        for note in self.notes:
            if note["measurement"] == measurement:
                print(f"   {note['text']}")
        print(flush=True)

    def write(self, path, about):
        path.parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps({**about, "results": self.rows, "notes": self.notes}, indent=1)
        path.write_text(text + "\n", encoding="utf-8")


def verdict(value, goal, unit):
    if value <= goal:
        return "meets"
    over = value - goal
    times = f", {value / goal:.1f} times the goal" if goal else ""
    return f"misses by {shown(over)} {unit}{times}"


def shown(value):
    if value is None:
        return "-"
    if value == 0:
        return "0"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    if abs(value) >= 100:
        return f"{value:.0f}"
    if abs(value) >= 10:
        return f"{value:.1f}"
    return f"{value:.3g}"

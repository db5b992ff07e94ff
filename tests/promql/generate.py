# SPDX-License-Identifier: GPL-2.0-only
"""Random series and expressions inside the subset.

Prometheus adds up the elements of an aggregation in no fixed order (promtool loads series from a
map), so sum and avg are given values whose sum is exact in any order, and avg's result is rounded;
so are powers with fractions and atan2, which come from different mathematical libraries.
"""

METRICS = ("steps_total", "load", "flags", "wild")
LABELS = {"job": ("api", "db", "web"), "zone": ("1", "2")}
STEPS_MS = (1000, 7000, 10000, 15000, 30000, 60000)
RANGES = ("1s", "15s", "30s", "1m", "2m30s", "5m", "10m", "90500ms", "1h")
OFFSETS = ("1m", "30s", "5m", "7m", "1500ms", "-1m", "-20s")
ROUND = "0.0009765625"

COUNTER_CALLS = ("rate", "increase", "irate", "resets")
RANGE_CALLS = ("delta", "idelta", "deriv", "changes", "avg_over_time", "min_over_time",
               "max_over_time", "sum_over_time", "count_over_time", "last_over_time",
               "stddev_over_time", "absent_over_time") + COUNTER_CALLS
ARITHMETIC = ("+", "-", "*", "/", "%")
COMPARISON = ("==", "!=", "<", "<=", ">", ">=")
SETS = ("and", "or", "unless")
AGGREGATIONS = ("sum", "avg", "min", "max", "count")


class Generator:
    """All choices come from one random.Random."""

    def __init__(self, random):
        self.random = random

    def chance(self, share):
        return self.random.random() < share

    def pick(self, choices):
        return self.random.choice(choices)

    # --- series ---------------------------------------------------------------------------------

    def label_sets(self):
        sets = [{"job": job, "zone": zone} for job in LABELS["job"] for zone in LABELS["zone"]]
        sets += [{"job": job} for job in LABELS["job"]] + [{"zone": "1"}, {}]
        return self.random.sample(sets, self.random.randint(1, 5))

    def number_of(self, metric, last):
        if metric == "steps_total":
            if self.chance(0.05):
                return float(self.random.randint(0, 3))
            return last + self.random.choice((0, 1, 2, 0.25, 17))
        if metric == "flags":
            return float(self.random.randint(0, 1))
        if metric == "load":
            return self.random.randint(-40, 400) / 4
        return self.pick((0.1, -0.1, 1e-9, 3.3e15, float("inf"), float("-inf"), float("nan"),
                          self.random.uniform(-1, 1), self.random.uniform(0, 1e6), 0.0))

    def values(self, metric, count):
        values, last = [], float(self.random.randint(0, 100))
        gaps = self.pick((0, 0, 0.05, 0.3))
        for _ in range(count):
            if self.chance(gaps):
                values.append("stale" if self.chance(0.3) else None)
                continue
            last = self.number_of(metric, last)
            values.append(last)
        end = self.random.randint(1, count) if self.chance(0.3) else count
        return values[:end]

    def series(self, until_ms, step_ms):
        """[(labels, values)]: at most a sample at until_ms."""
        count = min(until_ms // step_ms + 1, 200)
        return [({"__name__": metric, **labels}, self.values(metric, count))
                for metric in METRICS if self.chance(0.85) for labels in self.label_sets()]

    # --- expressions ----------------------------------------------------------------------------

    def matcher(self):
        label = self.pick(tuple(LABELS))
        value = self.pick(LABELS[label])
        return self.pick((f'{label}="{value}"', f'{label}!="{value}"', f'{label}=~"{value}|x.*"',
                          f'{label}!~"{value}"', f'{label}=""', f'{label}=~".+"'))

    def matchers(self):
        count = self.pick((0, 0, 0, 1, 1, 2))
        return "{" + ",".join(self.matcher() for _ in range(count)) + "}" if count else ""

    def offset(self):
        return f" offset {self.pick(OFFSETS)}" if self.chance(0.15) else ""

    def selector(self, metrics=METRICS):
        if self.chance(0.05):
            return '{__name__=~"load|flags"}' + self.offset()
        return self.pick(metrics) + self.matchers() + self.offset()

    def range_selector(self, metrics=METRICS):
        return f"{self.pick(metrics)}{self.matchers()}[{self.pick(RANGES)}]{self.offset()}"

    def literal(self):
        return self.pick(("0", "1", "2", "-1", "0.5", "10", "100", "1e3", "Inf", "NaN", "0x1f"))

    def scalar(self, depth):
        if depth <= 0 or self.chance(0.5):
            return self.literal()
        kind = self.random.randint(0, 4)
        if kind == 0:
            return "time()"
        if kind == 1:
            return f"scalar({self.vector(depth - 1)})"
        if kind == 2:
            return f"-({self.scalar(depth - 1)})"
        if kind == 3:
            return (f"({self.scalar(depth - 1)} {self.pick(COMPARISON)} bool "
                    f"{self.scalar(depth - 1)})")
        return f"({self.scalar(depth - 1)} {self.pick(ARITHMETIC)} {self.scalar(depth - 1)})"

    def label_list(self):
        names = tuple(LABELS) + ("absent_label",)
        return ", ".join(self.random.sample(names, self.random.randint(0, 2)))

    def matching(self):
        return self.pick(("", "", f"on ({self.label_list()}) ", f"ignoring ({self.label_list()}) "))

    def power(self, depth):
        if self.chance(0.7):
            return f"({self.vector(depth)} ^ {self.pick(('2', '3', '-1', '0', '0.5', '-0.5', '-2', '7', '300'))})"
        if self.chance(0.5):
            return f"round(clamp({self.vector(depth)}, -1e3, 1e3) ^ 1.7, {ROUND})"
        return f"round({self.vector(depth)} atan2 {self.scalar(depth)}, {ROUND})"

    def binary(self, depth):
        kind = self.random.randint(0, 6)
        if kind == 0:
            return self.power(depth)
        if kind == 1:
            return f"({self.vector(depth)} {self.pick(ARITHMETIC)} {self.scalar(depth)})"
        if kind == 2:
            return f"({self.scalar(depth)} {self.pick(ARITHMETIC)} {self.vector(depth)})"
        if kind == 3:
            sides = [self.vector(depth), self.scalar(depth)]
            self.random.shuffle(sides)
            return f"({sides[0]} {self.pick(COMPARISON)} {self.pick(('', 'bool '))}{sides[1]})"
        left = self.vector(depth)
        right = left if self.chance(0.3) else self.vector(depth)
        if kind == 4:
            return f"({left} {self.pick(SETS)} {self.matching()}{right})"
        operator = self.pick(ARITHMETIC) if kind == 5 else (
            self.pick(COMPARISON) + self.pick((" ", " bool ")))
        return f"({left} {operator} {self.matching()}{right})"

    def aggregate(self, depth):
        name = self.pick(AGGREGATIONS)
        inner = self.vector(depth)
        if name in ("sum", "avg"):
            inner = (self.selector(("load", "flags", "steps_total")) if self.chance(0.5)
                     else f"clamp(round({inner}, 0.25), -1e6, 1e6)")
        grouping = self.pick(("", f" by ({self.label_list()})", f" without ({self.label_list()})"))
        text = f"{name}{grouping}({inner})"
        return f"round({text}, {ROUND})" if name == "avg" else text

    def elementwise(self, depth):
        inner = self.vector(depth)
        return self.pick((f"abs({inner})", f"ceil({inner})", f"floor({inner})", f"round({inner})",
                          f"round({inner}, {self.scalar(depth)})", f"timestamp({inner})",
                          f"clamp({inner}, {self.scalar(depth)}, {self.scalar(depth)})",
                          f"clamp_min({inner}, {self.scalar(depth)})",
                          f"clamp_max({inner}, {self.scalar(depth)})", f"-{inner}",
                          f"absent({inner})", f"vector({self.scalar(depth)})"))

    def range_call(self, depth):
        if self.chance(0.12):
            return f"predict_linear({self.range_selector()}, {self.scalar(depth)})"
        if self.chance(0.1):
            quantile = self.pick(("0", "0.5", "0.95", "1", "-1", "2", self.scalar(depth)))
            return f"quantile_over_time({quantile}, {self.range_selector()})"
        name = self.pick(RANGE_CALLS)
        metrics = ("steps_total",) if name in COUNTER_CALLS and self.chance(0.7) else METRICS
        return f"{name}({self.range_selector(metrics)})"

    def vector(self, depth):
        if depth <= 0:
            return self.selector()
        kind = self.random.random()
        if kind < 0.15:
            return self.selector()
        if kind < 0.45:
            return self.range_call(depth - 1)
        if kind < 0.65:
            return self.binary(depth - 1)
        if kind < 0.8:
            return self.aggregate(depth - 1)
        return self.elementwise(depth - 1)

    def expression(self):
        if self.chance(0.05):
            return self.scalar(3)
        return self.vector(self.pick((1, 1, 2, 2, 3)))

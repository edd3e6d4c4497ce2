"""Checks that `promtool check rules` and modelgate agree on what is a valid rule file, and that `amtool config routes
test` and modelgate agree on who is told of an alert.

    python3 tests/oracle/check_prometheus_rules.py --modelgate target/release/modelgate

Needs promtool and amtool on the PATH (Debian's prometheus and prometheus-alertmanager). Runs `modelgate facts` on a
release of one rule file, which is what users run. Where the two differ on purpose, CASES says why; where an older
promtool does not know a key yet, it says since when it does.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from pathlib import Path

# What is expected of both.
GOOD, BAD = "both accept", "both refuse"
# What modelgate refuses, or accepts, that promtool does not; each with its reason.
STRICTER, WIDER = "modelgate alone refuses", "modelgate alone accepts"

MANIFEST = """\
version: 1
model: {name: m, version: "1", owner: o@example.com, task: binary-classification, purpose: none}
intake: {exposure: internal, decision_role: informs, domain: other, autonomy: human-in-the-loop, data_classes: [public],
  jurisdictions: [EU], people_affected_per_year: 1}
artifacts: [{path: model.bin, role: model}]
monitoring:
"""

RULES = "groups:\n- name: g\n  rules:\n"
ALERT = RULES + "  - alert: A\n    expr: up == 0\n"
RECORD = RULES + "  - record: job:up:sum\n    expr: sum by (job) (up)\n"
ALIAS = "an alias can stand for more than any memory holds: no document of ours has them"

# (expected, text, reason or the version of promtool that knows the key)
CASES = [
    # Whole files.
    (STRICTER, "", "a file without anything is probably the wrong one"),
    (STRICTER, "# only a comment\n", "a file without anything is probably the wrong one"),
    (GOOD, "{}\n", None),
    (GOOD, "groups:\n", None),
    (GOOD, "groups: []\n", None),
    (BAD, "[]\n", None),
    (BAD, "rules\n", None),
    (BAD, "group: []\n", None),
    (BAD, "groups: {}\n", None),
    (BAD, "groups: [\n", None),
    (BAD, "groups:\n- {name: a}\ngroups: []\n", None),
    (GOOD, "\ufeffgroups: []\n", None),
    (STRICTER, ALERT + "---\ngroups: []\n", "Prometheus reads the first of several documents, and nobody sees that it does"),
    (STRICTER, ALERT + "    labels: &l {a: b}\n  - alert: B\n    expr: up\n    labels: *l\n", ALIAS),
    (STRICTER, RULES + "  - alert: !!str A\n    expr: up\n", "no document of ours has tags"),
    (WIDER, "apiVersion: monitoring.coreos.com/v1\nkind: PrometheusRule\nspec: {groups: []}\n", "Kubernetes reads it"),
    (BAD, "apiVersion: v1\nkind: ConfigMap\nspec: {groups: []}\n", None),
    # Groups.
    (GOOD, "groups:\n- name: a\n", None),
    (GOOD, "groups:\n- name: a\n  rules:\n", None),
    (GOOD, "groups:\n- name: 5\n  rules: []\n- name: true\n", None),
    (GOOD, "groups:\n- {name: a}\n- {name: A}\n", None),
    (BAD, "groups:\n- {name: a}\n- {name: a}\n", None),
    (BAD, "groups:\n- rules: []\n", None),
    (BAD, "groups:\n- name: ''\n", None),
    (BAD, "groups:\n- name: []\n", None),
    (BAD, "groups:\n- {name: a, rule: []}\n", None),
    (BAD, "groups:\n- {name: a, rules: {}}\n", None),
    (GOOD, "groups:\n- {name: a, interval: 30s, limit: 10}\n", None),
    (GOOD, "groups:\n- {name: a, interval: 0, limit: -1}\n", None),
    (BAD, "groups:\n- {name: a, interval: 30}\n", None),
    (BAD, "groups:\n- {name: a, interval: fast}\n", None),
    (BAD, "groups:\n- {name: a, limit: ten}\n", None),
    (BAD, "groups:\n- {name: a, limit: '10'}\n", None),
    (STRICTER, "groups:\n- {name: a, limit: 1.5}\n", "half a series is a mistake that promtool's reader of YAML lets through"),
    (STRICTER, "groups:\n-\n", "an entry without anything is a mistake that promtool's reader of YAML lets through"),
    (STRICTER, RULES + "  -\n", "an entry without anything is a mistake that promtool's reader of YAML lets through"),
    (GOOD, "groups:\n- {name: a, query_offset: 1m}\n", (2, 53)),
    (BAD, "groups:\n- {name: a, query_offset: soon}\n", None),
    (GOOD, "groups:\n- {name: a, labels: {team: risk}}\n", (3, 0)),
    (BAD, "groups:\n- {name: a, labels: {'te am': risk}}\n", None),
    (WIDER, "groups:\n- {name: a, partial_response_strategy: abort}\n", "Thanos reads the same files, and this in them"),
    # Alerts.
    (GOOD, ALERT, None),
    (GOOD, RULES + "  - alert: 5\n    expr: 1\n", None),
    (GOOD, RULES + "  - {alert: true, record: '', expr: 1.50}\n", None),
    (GOOD, ALERT + "    for: 5m\n    keep_firing_for: 10m\n    labels: {a: b, c: 5, d: true, e: }\n    annotations: {a_b: '1'}\n", None),
    (GOOD, ALERT + "    for:\n    labels:\n    annotations:\n", None),
    (GOOD, ALERT + "  - alert: A\n    expr: up == 0\n", None),
    (BAD, RULES + "  - expr: up\n", None),
    (BAD, RULES + "  - {alert: '', expr: up}\n", None),
    (BAD, RULES + "  - {alert: A, record: a, expr: up}\n", None),
    (BAD, RULES + "  - alert: A\n", None),
    (BAD, RULES + "  - {alert: A, expr: ''}\n", None),
    (BAD, RULES + "  - {alert: A, expr: ' '}\n", None),
    (BAD, RULES + "  - {alert: A, expr: [up]}\n", None),
    (BAD, RULES + "  - {alert: [A], expr: up}\n", None),
    (BAD, ALERT + "    exp: up\n", None),
    (BAD, ALERT + "    alert: B\n", None),
    (BAD, ALERT + "    labels: [a]\n", None),
    (BAD, ALERT + "    labels: {a: {b: c}}\n", None),
    (BAD, ALERT + "    labels: {a-b: c}\n", None),
    (BAD, ALERT + "    labels: {1a: c}\n", None),
    (BAD, ALERT + "    labels: {'': c}\n", None),
    (BAD, ALERT + "    labels: {é: c}\n", None),
    (BAD, ALERT + "    labels: {__name__: c}\n", None),
    (GOOD, ALERT + "    labels: {__a__: c, le: c}\n", None),
    (BAD, ALERT + "    annotations: {'a b': c}\n", None),
    (BAD, ALERT + "    annotations: {'': c}\n", None),
    (GOOD, RULES + "  - {alert: A, expr: 'time() - x > 10m'}\n", (2, 54)),
    # Rules that record.
    (GOOD, RECORD, None),
    (GOOD, RECORD + "    labels: {a: '{{ $nobody reads this'}\n    for: 0s\n", None),
    (BAD, RECORD + "    labels: {a-b: c}\n", None),
    (BAD, RECORD + "    annotations: {a: b}\n", None),
    (BAD, RECORD + "    for: 5m\n", None),
    (BAD, RECORD + "    for: 1ms\n", None),
    (BAD, RECORD + "    keep_firing_for: 5m\n", None),
    (BAD, RULES + "  - {record: 'a b', expr: up}\n", None),
    (BAD, RULES + "  - {record: 1a, expr: up}\n", None),
    (BAD, RULES + "  - {record: a-b, expr: up}\n", None),
    (BAD, RULES + "  - {record: a, expr: 'up)'}\n", None),
]

DURATIONS = {
    GOOD: ["0", "0s", "5m", "1h30m", "1d", "2w", "1y", "500ms", "1y2w3d4h5m6s7ms", "292y", "'0'"],
    BAD: ["5", "-5m", "5 minutes", "30m1h", "1m1m", "1.5h", "1e3s", "''", "' '", "5M", "300y", "99999999999999999999s", "[]", "m"],
}

EXPRESSIONS = {
    GOOD: [
        "up", "1", "-1", "+up", "1e3", "0x1F", "Inf", "NaN", "up == 0", "up{job=\"a\"} > bool 1", "up{job=~\"a|b\",x!=\"\"}",
        "{__name__=\"up\"}", "{job=\"a\"}", "{__name__=~\".+\",job=\"a\"}", "a:b:c > 1", "rate(x[5m])", "rate(x[5m] offset 1h)",
        "rate(x[5m:])", "rate(x[5m:1m])", "max_over_time(rate(x[5m])[1h:1m])", "x offset 5m", "x offset -5m", "x @ 1609746000",
        "x @ start()", "x @ end() offset 5m", "sum(x)", "sum by (a) (x)", "sum(x) by (a)", "sum without (a,) (x)",
        "topk(3, x)", "quantile(0.9, x)", "count_values(\"v\", x)", "bottomk(1, x) by (a)", "a / on (x) group_left (y) b",
        "a * ignoring (x) group_right () b", "a and on () b", "a or b unless c", "a ^ b ^ c", "-a ^ 2", "a % b", "a atan2 b",
        "histogram_quantile(0.9, sum by (le) (rate(x_bucket[5m])))", "label_replace(up, \"a\", \"$1\", \"b\", \"(.*)\")",
        "label_join(up, \"a\", \",\", \"b\", \"c\")", "absent(up)", "absent_over_time(up[1h])", "predict_linear(x[1h], 3600)",
        "time() - x > 86400", "vector(1)", "scalar(x)", "round(x, 0.1)", "clamp(x, 0, 1)", "day_of_week() == 1", "hour()",
        "timestamp(x)", "changes(x[1h])", "deriv(x[1h])", "holt_winters(x[1h], 0.5, 0.5)", "sort_desc(x)", "stddev_over_time(x[1h])",
        "present_over_time(x[1h])", "last_over_time(x[1h])", "sgn(x)", "deg(x)", "pi()", "(x)", "((x) > 1)", "x # comment",
        "x\n  > 1", "'a'", "up{a='b'}", "up{a=`b`}", "up{a=\"\\n\"}", "group(x)", "stdvar(x)", "irate(x[5m])", "count(up) > 1",
        "sum(rate(x[5m])) by (job) / sum(rate(y[5m])) by (job) < 0.9", "x[5m]", "\"a\"", "histogram_count(x)", "histogram_sum(x)",
        "histogram_fraction(0, 0.2, x)", "NAN", "inf", "x{on=\"a\",by=\"b\"}", "sum", "up offset 1h30m",
    ],
    BAD: [
        "up)", "(up", "up{", "up}", "up{job}", "up{job=a}", "up{\"a\"}", "{}", "{job=\"\"}", "{job=~\".*\"}", "up{job=~\"(\"}", "rate(x)",
        "rate(5)", "rate(x[5m]", "x[5]m", "x[]", "x[5m:1m:1m]", "x[-5m]", "sum(x[5m])", "x + ", "+ ", "* x", "x y", "x == ", "foo(x)", "up == \"a\"",
        "on + by", "bool", "NaN > 1", "\"a\" + 1", "1 and 2", "x and 1", "1 == 1", "x > bool", "x offset", "x offset y", "offset 5m", "x @ y", "sum by x (y)", "sum by (a-b) (x)",
        "topk(x)", "topk(\"a\", x)", "quantile(x)", "sum()", "sum(x, y)", "count_values(x)", "time(1)", "vector(x)", "vector(\"a\")",
        "histogram_quantile(x)", "label_replace(up, \"a\")", "predict_linear(x[1h])", "rate(x[5m:]) offset", "x offset 5m offset 5m",
        "a on (x) b", "a + on x b", "a and on (x) group_left (y) b", "a / on (x) group_left (x) b", "rate(sum(x))", "max_over_time(x)", "1x",
        "x[5m] + 1", "-x[5m]", "x{__name__=\"y\"}", "x bool y", "x > bool bool y", "x by (a)", "\"a", "'a", "up{a=\"\\q\"}", "$x", "x; y",
        "sum by (a) (x) by (b)", "x[1d1h1d]", "é", "x{é=\"a\"}", "@ 1", "x @ 1 @ 2", "absent(1)", "absent()", "scalar(1)", "round()", "x{a=\"b\"}{c=\"d\"}",
    ],
}

TEMPLATES = {
    GOOD: [
        "no template", "{{ $value }}", "{{ $labels.instance }} of {{ $labels.job }}", "{{ $value | humanize }}", "{{ .Value }}", "}}", "{ { x } }",
        "{{ $value | humanizePercentage }}", "{{ printf \"%.2f\" $value }}", "{{ with query \"up\" }}{{ . | first | value }}{{ end }}",
        "{{ range query \"up\" }}{{ .Labels.job }}{{ else }}none{{ end }}", "{{ if gt $value 1.0 }}a{{ else if lt $value 0.5 }}b{{ else }}c{{ end }}",
        "{{ $externalLabels.region }}{{ $externalURL }}", "{{- $value -}}", "{{/* comment */}}", "{{ $x := 1 }}{{ $x }}", "{{ (query \"up\" | first).Value }}",
        "{{ reReplaceAll \"a\" \"b\" $labels.job }}", "{{ `raw` }}", "{{ 'a' }}", "{{ 0x1F }}", "{{ define \"a\" }}x{{ end }}{{ template \"a\" . }}",
        "{{ stripPort $labels.instance }}", "{{ $value | humanizeDuration }}", "{{ range $i, $e := query \"up\" }}{{ break }}{{ end }}", "{{ 1 | }}",
        "{{ title (toUpper \"a\") }}", "{{ graphLink \"up\" }}{{ tableLink \"up\" }}", "{{ len $labels | eq 3 }}", "{{ . }}{{ $ }}{{ $.Value }}",
    ],
    BAD: [
        "{{ $value", "{{ }}", "{{ $foo }}", "{{ foo }}", "{{ end }}", "{{ if true }}", "{{ if }}a{{ end }}", "{{ range }}{{ end }}", "{{ else }}",
        "{{ $labels.a-b }}", "{{ $labels.'a' }}", "{{ \"a }}", "{{ (1 }}", "{{ 1) }}", "{{ | humanize }}", "{{ \"a\" | 1 }}", "{{ 1a }}", "{{/* x }}",
        "{{-$value}}", "{{ template x }}", "{{ break }}", "{{ $a, $b := 1 }}", "{{ \"\\q\" }}", "{{ 'ab' }}", "{{ % }}", "{{ a%b }}", "{{ true.x }}",
        "{{ with $x := 1 }}{{ end }}{{ $x }}", "{{ if true }}{{ else }}{{ else }}{{ end }}", "{{ $value | foo }}", "{{ $value ! }}", "{{ { }}",
        "{{ if true }}{{ define \"x\" }}{{ end }}{{ end }}", "{{ define \"a\" }}{{ $value }}{{ end }}", "{{ .Labels..x }}", "{{ \"a\" \"b }}",
    ],
}

ALERTMANAGER = """\
global: {smtp_smarthost: 'localhost:25', smtp_from: a@example.com}
route:
  receiver: default
  group_by: [alertname]
  routes:
    - matchers: [team="risk"]
      receiver: risk
      continue: true
      routes:
        - matchers: ['severity=~"critical|page"', 'env!="test"']
          receiver: pager
        - matchers: [severity="none"]
          receiver: nobody
    - match: {team: credit}
      receiver: credit
    - match_re: {team: 'cr.*|r.*', severity: '.+'}
      routes:
        - matchers: ['{alertname="A", severity!~"w.+"}']
          receiver: crew
receivers:
  - name: default
    email_configs: [{to: default@example.com}]
  - name: risk
    webhook_configs: [{url: 'http://localhost/risk'}]
  - name: pager
    webhook_configs: [{url: 'http://localhost/pager'}]
  - name: credit
    webhook_configs: [{url: 'http://localhost/credit'}]
  - name: crew
    webhook_configs: [{url: 'http://localhost/crew'}]
  - name: nobody
"""

LABELS = {"team": ["risk", "credit", "crew", "other", None], "severity": ["critical", "page", "warning", "none", None], "env": ["test", None]}


def version():
    text = subprocess.run(["promtool", "--version"], capture_output=True, text=True, check=True)
    found = re.search(r"version (\d+)\.(\d+)", text.stdout + text.stderr)
    return int(found[1]), int(found[2])


def quoted(text):
    return json.dumps(text, ensure_ascii=False)


def cases(promtool):
    """What is expected, the text of a rule file, and why they differ."""
    for expected, text, note in CASES:
        if isinstance(note, tuple):
            expected, note = (expected, None) if note <= promtool else (WIDER, f"promtool knows it since {note}")
        yield expected, text, note
    for expected, durations in DURATIONS.items():
        yield from ((expected, f"{ALERT}    for: {duration}\n", None) for duration in durations)
    for expected, expressions in EXPRESSIONS.items():
        yield from ((expected, f"{RULES}  - alert: A\n    expr: {quoted(expression)}\n", None) for expression in expressions)
    for expected, templates in TEMPLATES.items():
        for place, template in product(["labels", "annotations"], templates):
            yield expected, f"{ALERT}    {place}: {{a: {quoted(template)}}}\n", None


def facts(modelgate, **texts):
    """The facts of a release with configurations of these formats, or nothing if modelgate refuses to take them."""
    manifest = MANIFEST + "".join(f"  - {{path: {name}.yml, format: {name}}}\n" for name in texts)
    files = {"modelgate.yaml": manifest, "model.bin": "model", **{f"{name}.yml": text for name, text in texts.items()}}
    with tempfile.TemporaryDirectory() as directory:
        release = Path(directory)
        for name, text in files.items():
            (release / name).write_text(text, encoding="utf-8")
        run = subprocess.run([modelgate, "facts", release], capture_output=True, text=True)
    if run.returncode not in (0, 3):
        sys.exit(f"modelgate exited with {run.returncode}: {run.stderr}")
    return json.loads(run.stdout) if run.returncode == 0 else None


def check_rules(modelgate, case):
    expected, text, note = case
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", suffix=".yml") as rules:
        rules.write(text)
        rules.flush()
        theirs = subprocess.run(["promtool", "check", "rules", rules.name], capture_output=True).returncode == 0
    ours = facts(modelgate, prometheus=text) is not None
    found = {(True, True): GOOD, (False, False): BAD, (True, False): STRICTER, (False, True): WIDER}[theirs, ours]
    if found != expected:
        return f"expected that {expected}, and {found}:\n{text}\n"
    if found in (STRICTER, WIDER):
        print(f"{found}: {note}")
    return None


def check_route(modelgate, configuration, values):
    labels = {name: value for name, value in zip(LABELS, values) if value is not None}
    command = ["amtool", "config", "routes", "test", f"--config.file={configuration}", "alertname=A"]
    command += [f"{name}={value}" for name, value in labels.items()]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    # A receiver without any integration tells nobody.
    theirs = sorted(set(run.stdout.strip().split(",")) - {"nobody"})
    rules = ALERT + (f"    labels: {json.dumps(labels)}\n" if labels else "")
    (signal,) = facts(modelgate, prometheus=rules, alertmanager=ALERTMANAGER)["monitoring"]["signals"]
    ours = signal["route"].split(", ") if signal["route"] else []
    return None if theirs == ours else f"{labels}: amtool says {theirs}, modelgate {ours}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--modelgate", required=True, type=Path)
    modelgate = parser.parse_args().modelgate.resolve()
    with ThreadPoolExecutor() as pool, tempfile.TemporaryDirectory() as directory:
        configuration = Path(directory, "alertmanager.yml")
        configuration.write_text(ALERTMANAGER, encoding="utf-8")
        rules = list(pool.map(lambda case: check_rules(modelgate, case), cases(version())))
        routes = list(pool.map(lambda values: check_route(modelgate, configuration, values), product(*LABELS.values())))
    differences = [difference for difference in rules + routes if difference]
    print("\n".join(differences))
    print(f"{len(rules)} rule files and {len(routes)} routes, {len(differences)} differ")
    sys.exit(1 if differences else 0)


if __name__ == "__main__":
    main()

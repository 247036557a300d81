"""Asks MLflow itself what it makes of many filters and orders, and writes down its answers as a table.

    INTERPRETER_WITH_MLFLOW tests/tracking/mlflow_table.py > tests/tracking/mlflow_table.json

With `--ask` it answers filters from standard input instead, one `[kind, text]` a line.

The answers in the repository are those of mlflow 3.17.2. A filter's answer is its clauses (family, key,
comparator, value), or the message with which MLflow refuses it.
"""

import itertools
import json
import sys

RUNS = r"""
metrics.a > 1
metrics.a >-1.5e-3
metrics.a > .5
metrics.a > 1.
metrics.a > 1E5
metrics.a > nan
metrics.a > '1'
metrics.a==1
metrics.a <> 1
metrics.a !=1
metrics.a LIKE 1
metric.a<1
METRICS.a<1
metrics.'a b' < 1
metrics."a b" < 1
metrics.`a b` < 1
`metrics`.`a b` < 1
metrics.a.b.c < 1
metrics.1a < 1
metrics.a() > 1
params.f(x, y) = 'z'
tags.a(b) IS NULL
metrics.top5 < 1
metrics.`a"b` < 1
metrics.order = 1
metrics.count = 1
metrics.select = 1
params.a = '1'
params.a = "1"
params.a = `1`
params.a = 1
params.a = b
params.a = 'it''s'
params.a = 'it\'s'
params.a = "say it"
params.a = ''
params.a LIKE 'x%'
params.a like 'x%'
params.a ilike 'x%'
params.a NOT LIKE 'x'
params.a IN ('x')
params.a > '1'
params.a IS NULL
params.a is null
params.a IS NOT NULL
tags.a IS NULL
metrics.a IS NULL
status IS NULL
tags.mlflow.user = 'x'
tags.`mlflow.user` = 'x'
tags."mlflow.user" = 'x'
tags.mlflow.source.type = 'x'
tags.a = 'x' AND tags.b = 'y'
tags.a = 'x' and tags.b = 'y'
tags.a = 'x' OR tags.b = 'y'
tags.a = 'x' tags.b = 'y'
tags.a = 'x' AND
AND tags.a = 'x'
AND
NOT tags.a = 'x'
(tags.a = 'x')
tags.a = 'x' AND (tags.b = 'y')
status = 'FINISHED'
status = FINISHED
status = 'finished'
status LIKE 'FIN%'
status IN ('FINISHED')
status > 'A'
attribute.status = 'x'
attributes.status = 'x'
attr.status = 'x'
run.status = 'x'
run_id = 'x'
run_id IN ('a','b')
run_id IN ("a", 'b')
run_id IN ('a',)
run_id IN ()
run_id IN (1)
run_id IN 'a'
run_id NOT IN ('a','b')
run_id not in ('a')
run_id in ('a')
attributes.run_id IN ('a')
run_name = 'x'
run_name IN ('x')
"run name" = 'x'
attribute."run name" = 'x'
attribute.`Run Name` = 'x'
user_id = 'x'
artifact_uri = 'x'
experiment_id = '1'
lifecycle_stage = 'active'
start_time > 1
start_time > 1.5
start_time > '1'
start_time LIKE 1
created > 1
Created > 1
end_time < 5
end_time IS NULL
dataset.name = 'x'
datasets.name = 'x'
dataset.digest LIKE 'x%'
dataset.context IN ('a')
dataset.context NOT IN ('a', 'b')
dataset.profile = 'x'
dataset.name > 'x'
dataset.name = 1
foo = 'x'
foo.bar = 'x'
metrics = 1
metrics. = 1
= 1
metrics.a
metrics.a >
metrics.a > 1;
metrics.a > 1; metrics.b > 1
metrics.a > 1 -- comment
1 < metrics.a
'a' = params.b
params.a = params.b
metrics.a > metrics.b
metrics.a = 1 AND metrics.b
metrics.a > 1 AND AND metrics.b > 1
metrics.a BETWEEN 1 AND 2
params.a = 'x
params.A = 'x'
params.type = 'x'
params.name = 'x'
params.date = 'x'
tags.version = 'x'
tags.user = 'x'
tags.end = 'x'
tags.timestamp = 'x'
tags.a = null
params.lr = '0.1' AND metrics.acc >= 0.9 AND attributes.start_time > 100
name = 'x'
params.a!='x'
params.a='x'and params.b='y'
metrics.a>1and metrics.b>1
metrics.a => 1
metrics.a =< 1
metrics.a ~ 1
params.a RLIKE 'x'
params.a = 'ünï'
params.ünï = 'x'
params.'a' = 'x'
params._a = 'x'
params.a[0] = 'x'
run.start_time > 1
run_id != 'x'
params.a = '1' AND run_id IN ('x','y') AND tags.b = 'z'
tags.b IS NULL AND tags.a = 'x'
""".strip("\n").split("\n")

ORDERS = r"""
metrics.a
metrics.a ASC
metrics.a desc
metrics.a DESC NULLS
metrics.`a b` desc
metrics."a b"
a
start_time
Created DESC
attribute.start_time asc
params.a
tags.a DESC
metrics.a foo
-metrics.a
status
run_id
run_name
run name
end_time DESC
metrics.a, metrics.b

metrics.a-b
metrics.'a'
timestamp
artifact_uri
user_id
metrics.a b c
metrics.a  DESC
 metrics.a
metrics.a.b DESC
tags.`mlflow.user`
foo.a
""".strip("\n").split("\n")

FEW = r"""
name = 'x'
name != 'x'
name LIKE 'x%'
name ilike 'x%'
name > 'x'
name = x
name = 5
name IN ('a', 'b')
name NOT IN ('a')
name IN ()
attribute.name = 'x'
attributes.name = 'x'
tag.a = 'x'
tags.a != 'x'
tags.`a b` LIKE 'x'
tags.a > 'x'
tags.a = 5
tags.a IS NULL
tags.a IS NOT NULL
name IS NULL
metrics.a > 1
params.a = 'x'
foo = 'x'
name = 'x' AND tags.a = 'y'
name = 'x' OR tags.a = 'y'
(name = 'x')
creation_time > 5
last_update_time <= 5
creation_time > '5'
creation_time LIKE 5
experiment_id = '1'
experiment_id IN ('1', '2')
run_id = 'x'
run_id IN ('x')
source_path = 'x'
source_path LIKE 's3%'
source_path IN ('x')
version_number > 3
version_number = '3'
version_number = 3.5
run_id = 5
""".strip("\n").split("\n")


def run_filters() -> list[str]:
    """The filters above, and every family with every comparator and kind of value."""
    names = ["metrics.a", "params.a", "tags.a", "status", "run_id", "start_time", "dataset.name"]
    comparators = ["=", "!=", ">", ">=", "<", "<=", "LIKE", "ILIKE"]
    values = ["1", "1.5", "'x'", '"x"', "x"]
    grid = [" ".join(parts) for parts in itertools.product(names, comparators, values)]
    return [*RUNS, *grid]


def main() -> None:
    """Print the table."""
    from mlflow.utils import search_utils as there

    import mlflow

    utils = {
        "RUNS": there.SearchUtils,
        "EXPERIMENTS": there.SearchExperimentsUtils,
        "REGISTERED_MODELS": there.SearchModelUtils,
        "MODEL_VERSIONS": there.SearchModelVersionUtils,
    }
    if sys.argv[1:] == ["--ask"]:
        for line in sys.stdin:
            kind, text = json.loads(line)
            told = answer(lambda t=text, o=utils[kind]: clauses(o, t), *BROKEN)
            print(json.dumps(told), flush=True)
        return
    filters = {
        kind: [
            [text, answer(lambda t=text, o=of: clauses(o, t))]
            for text in (run_filters() if kind == "RUNS" else FEW)
        ]
        for kind, of in utils.items()
    }
    orders = [
        [text, answer(lambda t=text: list(there.SearchUtils.parse_order_by_for_search_runs(t)))]
        for text in ORDERS
    ]
    json.dump(
        {"mlflow": mlflow.__version__, "filters": filters, "orders": orders},
        sys.stdout,
        indent=0,
        ensure_ascii=False,
    )


BROKEN = (AssertionError, AttributeError, IndexError, KeyError, SyntaxError, TypeError)
"""With which it ends on text that nobody tried."""


def answer(ask, *broken):
    """What it gives, or the words in which it refuses."""
    from mlflow.exceptions import MlflowException

    try:
        return ask()
    except MlflowException as error:
        return error.message
    except (ValueError, *broken):
        return "MLflow breaks on it"


def clauses(utils, text):
    """A filter's clauses, held to what MLflow checks when it searches."""
    found = []
    for each in utils.parse_search_filter(text):
        sign, kind = each["comparator"].upper(), each["type"]
        key = utils.translate_key_alias(each["key"])
        checks = (utils.is_metric, utils.is_param, utils.is_tag, utils.is_dataset)
        known = utils.is_string_attribute(kind, key, sign) or utils.is_numeric_attribute(kind, key, sign)
        known = known or any(check(kind, sign) for check in checks)
        assert known, text
        value = each["value"]
        value = float(value) if kind == "metric" else value
        found.append([kind, key, sign, list(value) if isinstance(value, tuple) else value])
    return found


if __name__ == "__main__":
    main()

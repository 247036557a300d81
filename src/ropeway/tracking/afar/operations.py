"""The operations on experiments, runs from afar, their files, and logged models."""

from ropeway.tracking.afar.batch import record_batch
from ropeway.tracking.afar.brought import record_brought, tell_times
from ropeway.tracking.afar.bulk import bulk_history, sampled_history
from ropeway.tracking.afar.experiments import (
    change_experiment,
    create_experiment,
    find_experiments,
    get_experiment,
)
from ropeway.tracking.afar.files import (
    list_model_files,
    list_run_files,
    put_model_file,
    put_run_file,
    remove_model_file,
    remove_run_file,
)
from ropeway.tracking.afar.finding import find_tracked, metric_history
from ropeway.tracking.afar.links import link_run, list_used_datasets
from ropeway.tracking.afar.logged_models import (
    change_logged,
    create_logged,
    find_logged,
    get_logged,
)
from ropeway.tracking.afar.runs import change_run, get_tracked, open_run
from ropeway.tracking.afar.whole import bring_runs, look_at_runs

__all__ = [
    "bring_runs",
    "bulk_history",
    "change_experiment",
    "change_logged",
    "change_run",
    "create_experiment",
    "create_logged",
    "find_experiments",
    "find_logged",
    "find_tracked",
    "get_experiment",
    "get_logged",
    "get_tracked",
    "link_run",
    "list_model_files",
    "list_run_files",
    "list_used_datasets",
    "look_at_runs",
    "metric_history",
    "open_run",
    "put_model_file",
    "put_run_file",
    "record_batch",
    "record_brought",
    "remove_model_file",
    "remove_run_file",
    "sampled_history",
    "tell_times",
]

"""Every top-level command, where it lives and what it is for. Reading this loads no command.

`ropeway --help`, shell completion and the generated reference read this table, so that
listing the commands costs nothing: a command's module is imported when it is called.
"""

from typing import NamedTuple


class Entry(NamedTuple):
    """One top-level command."""

    name: str
    target: str
    """`module:attribute` of its click command."""
    section: str
    summary: str


_START = "Start"
_DATA = "Data and labels"
_TRAIN = "Train"
_RELEASE = "Release"
_SERVE = "Serve"
_LOOP = "Watch and renew"
_TEAM = "Work together"
_ASK = "Ask"
_KEEP = "Keep"

CATALOGUE: tuple[Entry, ...] = (
    Entry("demo", "ropeway.cli.demo:demo", _START, "Take a real project the whole way, and on."),
    Entry("init", "ropeway.cli.project:init", _START, "Make an empty project: charter, pipeline, checks."),
    Entry("data", "ropeway.cli.data:data", _DATA, "Add, list and check dataset versions."),
    Entry("labels", "ropeway.cli.labels:labels", _DATA, "Ratings in; agreement, queue and snapshots out."),
    Entry("run", "ropeway.cli.run:run", _TRAIN, "Run the pipeline; what has not changed is cached."),
    Entry("explain", "ropeway.cli.run:explain", _TRAIN, "Say which steps would run, and why."),
    Entry("import", "ropeway.cli.imports:imports", _TRAIN, "Bring over the store of another tool: MLflow's."),
    Entry("runs", "ropeway.cli.runs:runs", _TRAIN, "Search, sort and export runs."),
    Entry("files", "ropeway.cli.files:files", _TRAIN, "List the files of a run, or write them to a folder."),
    Entry("sync", "ropeway.cli.sync:sync", _TRAIN, "Bring runs that wait here to their server."),
    Entry("compare", "ropeway.cli.runs:compare", _TRAIN, "Lay runs side by side."),
    Entry("traces", "ropeway.cli.traces:traces", _TRAIN, "Find traces of programs, by what is in them."),
    Entry("trace", "ropeway.cli.traces:trace", _TRAIN, "Show one trace: its spans as a tree."),
    Entry("model", "ropeway.cli.model:model", _RELEASE, "Register, approve, promote, recall model versions."),
    Entry("gate", "ropeway.cli.model:gate", _RELEASE, "Hold a model version against the charter."),
    Entry("serve", "ropeway.cli.serve:serve", _SERVE, "Answer over HTTP with a model version."),
    Entry("feedback", "ropeway.cli.serve:feedback", _SERVE, "Say what a prediction should have been."),
    Entry("server", "ropeway.cli.serve:server", _SERVE, "Offer this workspace to others over HTTP."),
    Entry("monitor", "ropeway.cli.monitor:monitor", _LOOP, "How each deployment is: drift, quality, cost."),
    Entry("alerts", "ropeway.cli.monitor:alerts", _LOOP, "What somebody should look at, and what is over."),
    Entry("release", "ropeway.cli.rollout:release", _LOOP, "Let a version prove itself on real traffic."),
    Entry("rollout", "ropeway.cli.rollout:rollout", _LOOP, "Show, advance, hold or end a rollout."),
    Entry("rollback", "ropeway.cli.rollout:rollback", _LOOP, "Go back to what was live before, at once."),
    Entry(
        "controller", "ropeway.cli.controller:controller", _LOOP, "Do what the policy says, as things come."
    ),
    Entry("policy", "ropeway.cli.controller:policy", _LOOP, "Show, check, pause or resume the policy."),
    Entry("retrain", "ropeway.cli.controller:retrain", _LOOP, "Train anew and release, as the policy says."),
    Entry("member", "ropeway.cli.members:member", _TEAM, "Who belongs to the project, and may do what."),
    Entry("token", "ropeway.cli.members:token", _TEAM, "Issue, list and revoke tokens for the server."),
    Entry("login", "ropeway.cli.login:login", _TEAM, "Keep a token for a server, once it has taken it."),
    Entry("logout", "ropeway.cli.login:logout", _TEAM, "Forget the token that was kept for a server."),
    Entry("push", "ropeway.cli.remotes:push", _TEAM, "Bring versions to a remote: a folder or a bucket."),
    Entry("fetch", "ropeway.cli.remotes:fetch", _TEAM, "Bring objects and refs from a remote here."),
    Entry("pull", "ropeway.cli.remotes:pull", _TEAM, "Make versions here of what is at a remote."),
    Entry("remote", "ropeway.cli.remotes:remote", _TEAM, "Declare remotes; what is here and there."),
    Entry(
        "webhooks", "ropeway.cli.webhooks:webhooks", _TEAM, "Addresses that are told what happens to models."
    ),
    Entry("status", "ropeway.cli.story:status", _ASK, "Where the project stands against its charter."),
    Entry("why", "ropeway.cli.story:why", _ASK, "Where a prediction, model, run or dataset came from."),
    Entry(
        "reproduce", "ropeway.cli.reproduce:reproduce", _ASK, "Do a run or model again; is it still the same?"
    ),
    Entry("log", "ropeway.cli.ledger:log", _ASK, "What happened: the events, newest last."),
    Entry("audit", "ropeway.cli.audit:audit", _KEEP, "Was history changed? Check, prove, export."),
    Entry("ledger", "ropeway.cli.ledger_move:ledger", _KEEP, "Move the history to PostgreSQL, or back."),
    Entry("store", "ropeway.cli.store:store", _KEEP, "Objects in a bucket: move them, delete copies here."),
    Entry("doctor", "ropeway.cli.keeping:doctor", _KEEP, "What could go wrong here, and what to do."),
    Entry("fsck", "ropeway.cli.ledger:fsck", _KEEP, "Check every event and every object on disk."),
    Entry("backup", "ropeway.cli.keeping:backup", _KEEP, "Copy the whole workspace elsewhere, verified."),
    Entry("restore", "ropeway.cli.keeping:restore", _KEEP, "Make a workspace again from a backup."),
    Entry("gc", "ropeway.cli.keeping:gc", _KEEP, "Remove the objects that nothing keeps."),
    Entry("erase", "ropeway.cli.erase:erase", _KEEP, "Erase names, notes or somebody's rows, for good."),
    Entry("hold", "ropeway.cli.keeping:hold", _KEEP, "Keep a thing and all that it came from."),
)

BY_NAME: dict[str, Entry] = {entry.name: entry for entry in CATALOGUE}

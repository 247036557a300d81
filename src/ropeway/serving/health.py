"""What /health says: what answers, how traffic is divided, what each version did, and what is amiss."""

from typing import Any

from ropeway.core.clock import to_text
from ropeway.serving.deploy import Deployment
from ropeway.serving.loaded import Tally
from ropeway.serving.log import PredictionLog
from ropeway.serving.mirror import Mirrors
from ropeway.serving.traffic import Traffic, Trouble


def health_of(
    deployment: Deployment, log: PredictionLog, mirrors: Mirrors, *, is_draining: bool
) -> dict[str, Any]:
    """The service's health; its `status` is `ok` when it answers."""
    traffic = deployment.traffic
    status = "draining" if is_draining else "recalled" if deployment.refusal else "ok"
    return {
        "status": status,
        "model": traffic.live.ref,
        "since": to_text(traffic.live.since),
        "state": deployment.state,
        "checked_at": to_text(deployment.checked_at),
        "trouble": deployment.trouble or _first_trouble(traffic),
        "replica": log.replica,
        "predictions": log.prediction_count,
        "feedback": log.feedback_count,
        "rollout": traffic.rollout or None,
        "routing": routing_of(traffic, deployment.tallies),
        "mirrored_rows_waiting": mirrors.waiting,
    }


def routing_of(traffic: Traffic, tallies: dict[str, Tally]) -> list[dict[str, Any]]:
    """Each version of the routing: its share, whether it is asked beside others, and what it did so far."""
    shares = traffic.shares()
    beside = {version.ref for version in traffic.mirrors}
    refs = dict.fromkeys([*shares, *(arm.ref for arm in traffic.routing.arms), *traffic.routing.shadows])
    versions = []
    for ref in refs:
        tally = tallies.get(ref) or Tally()
        versions.append(
            {
                "model": ref,
                "is_live": ref == traffic.live.ref,
                "share": shares.get(ref, 0.0),
                "is_asked_beside": ref in beside,
                "answered": tally.answered,
                "errors": tally.errors,
                "mean_latency_us": tally.latency_us // tally.answered if tally.answered else None,
                "asked_beside": tally.mirrored,
                "errors_beside": tally.mirror_errors,
                "dropped_beside": tally.mirrors_dropped,
                "trouble": traffic.kept_out.get(ref),
            }
        )
    return versions


def _first_trouble(traffic: Traffic) -> Trouble | None:
    """Why some version is kept out; one that is only being loaded is no trouble."""
    return next((each for each in traffic.kept_out.values() if each.code != "loading"), None)

"""What happens to the bikes project in production: days pass, hours are asked about, docks count.

    python traffic.py 2011-05-02        from where the clock stands to that day

The hours, their weather and their bikers are real (data/later.parquet). Each simulated day:

    at its beginning   the 24 hours of the day are sent to the service, and each comes back with a forecast
    at its end         what the docks have counted is sent as feedback

and after each Sunday, when a week is over, `ropeway controller --once` is run, as cron would. What it says
is printed.

The time is that of the file which $ROPEWAY_CLOCK names: this script moves it, and the service and every
command read it there.
"""

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import polars as pl

DAY = timedelta(days=1)
MONDAY = 0
"""Ropeway's windows of a week begin on Mondays, at midnight UTC."""
CLOCK = Path(os.environ["ROPEWAY_CLOCK"])
SERVICE = os.environ.get("BIKES_SERVICE", "http://127.0.0.1:8098")


def pass_days(until: datetime) -> None:
    """Live day after day until the clock stands at that day."""
    hours = pl.read_parquet(Path(__file__).parent / "data" / "later.parquet")
    now = datetime.fromisoformat(CLOCK.read_text().strip()).astimezone(UTC)
    now = now.replace(hour=0, minute=0, second=0, microsecond=0)
    errors: list[float] = []
    with httpx.Client(base_url=SERVICE, timeout=30, trust_env=False) as service:
        while now < until:
            errors += live_a_day(
                service, now, hours.filter(pl.col("hour").str.starts_with(f"{now:%Y-%m-%d}"))
            )
            now += DAY
            if now.weekday() == MONDAY:
                print(f"{now:%d %b}  the week's forecasts were off by {sum(errors) / len(errors):.0f} bikers")
                errors = []
                for line in controller():
                    print(f"        {line}", flush=True)


def live_a_day(service: httpx.Client, day: datetime, hours: pl.DataFrame) -> list[float]:
    """Ask for the forecast of each hour, and at the end say how many came; gives by how much it was off."""
    set_clock(day)
    reply = service.post("/predict", json={"rows": hours.drop("bikers").to_dicts()})
    answers = reply.raise_for_status().json()["predictions"]
    set_clock(day + DAY)
    errors = []
    for answer, bikers in zip(answers, hours["bikers"], strict=True):
        counted = {"id": answer["id"], "value": bikers, "by": "docks"}
        service.post("/feedback", json=counted).raise_for_status()
        errors.append(abs(answer["prediction"] - bikers))
    return errors


def controller() -> list[str]:
    """One round of the controller: what it did, a line each."""
    words = ["ropeway", "controller", "--once"]
    done = subprocess.run(words, check=True, text=True, capture_output=True)  # noqa: S603  our own words
    return [line for line in done.stdout.splitlines() if line != "nothing to do"]


def set_clock(moment: datetime) -> None:
    """Move the time; who reads meanwhile sees the former or the new one, never half of it."""
    written = CLOCK.with_name(f".{CLOCK.name}")
    written.write_text(f"{moment.isoformat()}\n")
    written.replace(CLOCK)


if __name__ == "__main__":
    pass_days(datetime.fromisoformat(sys.argv[1]).replace(tzinfo=UTC))

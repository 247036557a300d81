"""Pack the rated tweets and reviews of Hutto & Gilbert (2014) into the package's example.

    python examples/pack_tweets.py FOLDER

FOLDER holds the four text files of `hutto_ICWSM_2014.tar.gz`, which is inside the source distribution of the
PyPI package `vaderSentiment` 0.5. Their line ends are CRLF, one of them begins with a byte-order mark, and
texts hold HTML entities (`&amp;`): the first two are the files' form and go, the entities are in the tweets
as Twitter hands them out and stay, for the pipeline to read as it will have to in production.
"""

import json
import sys
from pathlib import Path

import polars as pl

TARGET = Path(__file__).parent.parent / "src" / "ropeway" / "examples" / "tweets" / "data"
SETS = {"tweets": "tweets", "amazonReviewSnippets": "reviews"}
SCHEMA = {"id": pl.String, "text": pl.String, "published_mean": pl.Float64, "ratings": pl.List(pl.Int8)}


def lines(path: Path, fields: int) -> dict[str, list[str]]:
    """The fields of each line after its id."""
    text = path.read_bytes().decode("utf-8-sig")
    rows = [line.split("\t") for line in text.replace("\r\n", "\n").rstrip("\n").split("\n")]
    wrong = [number for number, row in enumerate(rows, 1) if len(row) != fields]
    if wrong:
        raise SystemExit(f"{path}: line {wrong[0]} has {len(rows[wrong[0] - 1])} fields, not {fields}")
    found = {row[0]: row[1:] for row in rows}
    if len(found) != len(rows):
        raise SystemExit(f"{path}: an id comes twice")
    return found


def pack(source: Path, prefix: str) -> pl.DataFrame:
    """One set: texts and published means beside the ratings that they should come from."""
    texts = lines(source / f"{prefix}_GroundTruth.txt", 3)
    rated = lines(source / f"{prefix}_anonDataRatings.txt", 4)
    if texts.keys() != rated.keys():
        raise SystemExit(f"{prefix}: the two files do not have the same ids")
    return pl.DataFrame(
        [
            {"id": key, "text": text, "published_mean": float(mean), "ratings": json.loads(rated[key][2])}
            for key, (mean, text) in texts.items()
        ],
        schema=SCHEMA,
    )


def main() -> None:
    """Write both sets."""
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    TARGET.mkdir(parents=True, exist_ok=True)
    for prefix, name in SETS.items():
        frame = pack(Path(sys.argv[1]), prefix)
        path = TARGET / f"{name}.parquet"
        frame.write_parquet(path, compression="zstd", compression_level=19, statistics=False)
        ratings = int(frame["ratings"].list.len().sum())
        print(f"{path.name}: {frame.height:,} rows, {ratings:,} ratings, {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()

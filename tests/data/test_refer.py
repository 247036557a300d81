import polars as pl
import pytest

from ropeway.data.load import load
from ropeway.data.operations import diff, full_profile
from ropeway.data.recheck import check_version
from ropeway.data.refer import refer
from ropeway.data.sources.errors import SourceChanged, SourceMissing
from ropeway.keeping.operations import fsck
from ropeway.pipelines.inputs import Inputs
from ropeway.workspace.outbound import AddressRefused

CSV = b"id,city\n" + b"".join(b"%d,Bern\n" % n for n in range(50))
RUNS = '[project]\nname = "trial"\n[inputs.rows]\ndataset = "people"\n'


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "people.csv"
    path.write_bytes(CSV)
    return path


def allowing(site):
    source = f'[source.x]\nkind = "http"\nurl = "{site.url}/x.csv"\nallow_private = true\n'
    return f'[project]\nname = "trial"\n{source}'


def test_what_is_referred_to_is_looked_at_and_not_kept(workspace, file):
    version = refer(workspace, str(file)).version
    assert (version.rows, version.is_kept, version.size_bytes) == (50, False, len(CSV))
    assert load(workspace, version).height == full_profile(workspace, reference="people").rows == 50
    assert not workspace.store.has("0" * 64)
    assert max(workspace.store.size(each) for each in workspace.store.digests()) > 0
    assert all(workspace.store.read(each) != CSV for each in workspace.store.digests())
    assert fsck(workspace).is_sound


def test_a_changed_source_is_refused_with_both_values_wherever_it_is_read(workspace, file):
    version = refer(workspace, str(file)).version
    file.write_bytes(CSV + b"99,Rome\n")
    for use in (
        lambda: load(workspace, version),
        lambda: check_version(workspace, "people"),
        lambda: full_profile(workspace, reference="people"),
    ):
        with pytest.raises(SourceChanged) as refused:
            use()
        assert refused.value.facts["pinned"] != refused.value.facts["found"]
    file.unlink()
    with pytest.raises(SourceMissing, match=r"people\.csv"):
        load(workspace, version)


def test_a_run_asks_first_whether_the_source_is_what_it_was(project, file):
    workspace = project(RUNS)
    refer(workspace, str(file))
    assert Inputs(workspace).version("rows").rows == 50
    file.write_bytes(CSV[:-8])
    with pytest.raises(SourceChanged, match="has changed"):
        Inputs(workspace).version("rows")


def test_a_folder_and_what_is_too_large_are_pinned_as_files(workspace, file, tmp_path):
    folder = tmp_path / "img"
    folder.mkdir()
    (folder / "1.png").write_bytes(b"one")
    version = refer(workspace, str(folder)).version
    assert load(workspace, version)["path"].to_list() == ["1.png"]
    (folder / "1.png").write_bytes(b"two")
    with pytest.raises(SourceChanged, match="its members was 1 files"):
        load(workspace, version)
    arrival = refer(workspace, str(file), looked_into_bytes=10)
    assert arrival.version.columns == {"path": "text", "size": "integer", "digest": "text"}
    assert "nobody looked inside" in arrival.remarks[0]


def test_two_pins_are_compared_while_both_can_be_had(workspace, file, tmp_path):
    refer(workspace, str(file))
    later = tmp_path / "later.csv"
    later.write_bytes(CSV + b"99,Rome\n")
    refer(workspace, str(later), name="people")
    assert diff(workspace, before="people").rows.added == 1


def test_an_address_is_pinned_by_etag_size_and_digest(project, site):
    workspace = project(allowing(site))
    site.files["/people.csv"] = CSV
    version = refer(workspace, f"{site.url}/people.csv").version
    assert load(workspace, version).height == 50
    site.files["/people.csv"] = CSV.replace(b"Bern", b"Oslo")
    with pytest.raises(SourceChanged, match=r"its (etag|digest) was"):
        load(workspace, version)


def test_a_private_address_is_refused_unless_the_project_file_names_its_host(workspace, site):
    site.files["/people.csv"] = CSV
    with pytest.raises(AddressRefused, match="not a public address"):
        refer(workspace, f"{site.url}/people.csv")
    assert site.asked == []


def test_an_object_of_a_bucket_is_pinned_by_its_etag(workspace, s3, bucket):
    bucket.put("in/people.csv", CSV)
    etag = bucket.head("in/people.csv")["e_tag"].strip('"')
    version = refer(workspace, f"s3://shop/in/people.csv@{etag}", endpoint=s3).version
    assert load(workspace, version).equals(pl.DataFrame({"id": range(50), "city": ["Bern"] * 50}))
    bucket.put("in/people.csv", CSV + b"99,Rome\n")
    with pytest.raises(SourceChanged, match=r"its (etag|digest) was"):
        load(workspace, version)
    with pytest.raises(SourceChanged, match=etag):
        refer(workspace, f"s3://shop/in/people.csv@{etag}", endpoint=s3)
    with pytest.raises(SourceMissing, match=r"none\.csv"):
        refer(workspace, "s3://shop/none.csv", endpoint=s3)

"""`huffleraft cluster status` shows every member, and says by its exit code if they serve."""

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from huffleraft import __version__
from huffleraft.cli.cluster_status import Answer, _Cluster, _Configuration, _Status
from huffleraft.cli.layout import lay_out
from tests.cli.nodes import alone, ask, three_with_one_leader
from tests.cli.processes import PATIENCE, Running


def status(*args: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "huffleraft", "cluster", "status", *args],
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
        env={**os.environ, **(env or {})},
    )


def documents(*args: str) -> tuple[int, dict[str, object], dict[str, dict[str, object]]]:
    """The exit code, the whole document, and its members by id or address."""
    run = status(*args, "-o", "json")
    told = json.loads(run.stdout)
    return run.returncode, told, {one["id"] or one["address"]: one for one in told["members"]}


def addresses(nodes: dict[str, Running]) -> dict[str, str]:
    return {node: running.ready()["advertise"] for node, running in nodes.items()}


def kill(running: Running) -> None:
    running.send(signal.SIGKILL)
    running.end()


def test_the_table_is_whole_whichever_member_is_known_and_whoever_is_gone(tmp_path: Path) -> None:
    with three_with_one_leader(tmp_path) as nodes:
        where = addresses(nodes)
        for start in where.values():
            code, told, members = documents("--endpoints", start)
            assert (code, told["serves"], set(members)) == (0, True, {"n1", "n2", "n3"})
        code, told, members = documents("--endpoints", ",".join(where.values()))
        leader = str(told["leader"])
        assert members[leader]["role"] == "leader"
        assert members[leader]["version"] == __version__
        assert all(one["term"] == members[leader]["term"] for one in members.values())
        others = [node for node in nodes if node != leader]
        for number in range(5):
            assert ask("PUT", f"http://{where[leader]}/v1/kv/{number}", b"1")[0] == 200

        kill(nodes[others[0]])
        code, told, members = documents("--endpoints", where[leader])
        assert (code, told["leader"]) == (0, leader)
        assert members[others[0]]["role"] is None
        assert str(members[others[0]]["why"]).startswith("cannot be reached")
        assert members[others[0]]["address"] == where[others[0]]
        commit, lag = members[leader]["commit"], members[leader]["lag"]
        assert isinstance(commit, int)
        assert commit >= 7
        assert lag == 0

        table = status("--endpoints", where[others[0]] + "," + where[others[1]])
        assert table.returncode == 0
        rows = table.stdout.splitlines()
        assert rows[0].split()[:4] == ["ID", "ADDRESS", "ROLE", "TERM"]
        assert [row.split()[0] for row in rows[1:]] == ["n1", "n2", "n3"]
        assert [row.split()[8] for row in rows if "leader" in row] == ["voter"]
        assert "cannot be reached" in rows[1 + int(others[0][1]) - 1]
        assert "\x1b" not in table.stdout

        kill(nodes[leader])
        run = status("--endpoints", where[others[1]])
        assert run.returncode == 30
        assert run.stderr.startswith("huffleraft: ")
        assert run.stdout.count("cannot be reached") == 2


def said(member: str, role: str, term: int) -> Answer:
    """What *member* of three answers."""
    members = ["n1", "n2", "n3"]
    told = _Status(
        id=member,
        cluster_id="c",
        version="0",
        role=role,
        term=term,
        leader="n1",
        commit_index=9,
        last_applied=9 if role == "leader" else 4,
        ready=True,
        configuration=_Configuration(members, {one: f"{one}:1" for one in members}),
    )
    return Answer(f"{member}:1", member, told)


def said_of(configuration: _Configuration, member: str, role: str) -> Answer:
    """What *member* of another *configuration* answers."""
    told = said(member, role, 3)
    assert told.status is not None
    told.status.configuration = configuration
    return told


def silent(member: str) -> Answer:
    return Answer(f"{member}:1", member, why="cannot be reached")


def test_a_leader_without_a_quorum_does_not_serve() -> None:
    """It may not have noticed yet that it lost the others."""
    alone_ = _Cluster([said("n1", "leader", 3), silent("n2"), silent("n3")])
    assert not alone_.serves
    assert "1 of 3 voters answer, which is no quorum" in alone_.verdict
    assert _Cluster([said("n1", "leader", 3), said("n2", "follower", 3), silent("n3")]).serves


JOINT = _Configuration(
    voters=["n1", "n4", "n5"],
    addresses={one: f"{one}:1" for one in ("n1", "n2", "n3", "n4", "n5", "n6")},
    old_voters=["n1", "n2", "n3"],
    learners=["n6"],
)


@pytest.mark.parametrize(
    "others, serves, words",
    [
        ({"n2", "n4"}, True, "2 of 3 old voters and 2 of 3 new voters answer"),
        ({"n2", "n3"}, False, "3 of 3 old voters and 1 of 3 new voters answer, which is no quorum"),
        ({"n4", "n5"}, False, "1 of 3 old voters and 3 of 3 new voters answer, which is no quorum"),
        ({"n2", "n6"}, False, "2 of 3 old voters and 1 of 3 new voters answer, which is no quorum"),
    ],
)
def test_while_the_voters_change_a_quorum_is_a_majority_of_the_old_and_of_the_new(
    others: set[str], serves: bool, words: str
) -> None:
    answers = [said_of(JOINT, "n1", "leader")]
    answers += [said_of(JOINT, one, "follower") for one in sorted(others)]
    answers += [silent(one) for one in sorted({"n2", "n3", "n4", "n5", "n6"} - others)]
    cluster = _Cluster(answers)
    assert cluster.serves is serves
    assert words in cluster.verdict


def test_each_row_says_whether_the_member_votes_also_of_one_that_is_silent() -> None:
    old = _Configuration(["n1", "n2"], {"n1": "n1:1", "n2": "n2:1"})
    answers = [said_of(old, "n6", "follower"), silent("n2"), silent("n4")]
    stranger = said_of(old, "n9", "follower")
    rows = _Cluster([*answers, stranger, said_of(JOINT, "n1", "leader")]).rows()
    assert {row["id"]: row["standing"] for row in rows} == {
        "n1": "voter",
        "n2": "leaving",
        "n4": "voter",
        "n6": "learner",
        "n9": None,
    }


def test_a_node_of_a_version_without_learners_is_understood() -> None:
    told = msgspec.json.decode(
        b'{"voters": ["n1"], "addresses": {"n1": "a:1"}}', type=_Configuration
    )
    assert (told.standing("n1"), told.standing("n2")) == ("voter", None)


def test_a_quorum_without_a_leader_does_not_serve() -> None:
    cluster = _Cluster([said("n2", "candidate", 4), said("n3", "follower", 4), silent("n1")])
    assert not cluster.serves
    assert "no member that answers leads" in cluster.verdict


def test_of_two_that_say_they_lead_the_one_of_the_higher_term_does() -> None:
    cluster = _Cluster([said("n1", "leader", 3), said("n2", "leader", 4), silent("n3")])
    assert cluster.document()["leader"] == "n2"


def test_the_lag_is_behind_what_any_member_knows_to_be_committed() -> None:
    rows = _Cluster([said("n1", "leader", 3), said("n2", "follower", 3)]).rows()
    assert [row["lag"] for row in rows] == [0, 5]


def test_nobody_answers(tmp_path: Path) -> None:
    (address,) = lay_out(1, tmp_path).addresses.values()

    run = status("--endpoints", address)

    assert run.returncode == 30
    assert "no member answers" in run.stderr
    assert address in run.stdout
    code, told, members = documents("--endpoints", address)
    assert (code, told["leader"], members[address]["id"]) == (30, None, None)


def test_who_does_not_answer_is_told_after_the_time(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        run = status("--endpoints", address, "--timeout", "0.2")

    assert run.returncode == 30
    assert "no answer within 0.2 s" in run.stdout


def test_endpoints_may_stand_in_the_environment(tmp_path: Path) -> None:
    with alone(tmp_path) as (_, address):
        run = status(env={"HUFFLERAFT_ENDPOINTS": address})

    assert run.returncode == 0, run.stderr
    assert address in run.stdout or "n1" in run.stdout


def test_members_of_two_clusters_are_not_one(tmp_path: Path) -> None:
    with (
        alone(tmp_path / "a") as (_, first),
        alone(tmp_path / "b", "--cluster", "other") as (_, second),
    ):
        run = status("--endpoints", f"{first},{second}")

    assert run.returncode == 16
    assert "belong to 2 clusters" in run.stderr
    assert "Traceback" not in run.stderr


@pytest.mark.parametrize("endpoints", ["7201", "a:b", "", "127.0.0.1:7201,"])
def test_what_is_no_endpoint_is_a_usage_error(endpoints: str) -> None:
    run = status("--endpoints", endpoints)

    assert run.returncode == 2
    assert "is not an address" in run.stderr

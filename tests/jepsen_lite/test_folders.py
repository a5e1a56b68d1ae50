"""Run folders come and go; what else lies beside them stays."""

from pathlib import Path

from jepsen_lite.folders import KEPT, LATEST, new_run_folder, remove_data


def test_a_new_folder_is_the_latest(tmp_path: Path) -> None:
    runs = tmp_path / "runs"

    first, second = new_run_folder(runs, 1), new_run_folder(runs, 2)

    assert first.is_dir()
    assert (runs / LATEST).resolve() == second
    assert second.name.endswith("Z-2")


def test_the_oldest_runs_go_and_nothing_else_does(tmp_path: Path) -> None:
    runs = [tmp_path / f"20200101T{number:06}Z-7" for number in range(KEPT + 3)]
    others = [tmp_path / name for name in ("0", "documents", "20200101T000000Z-7.tar", "20200101")]
    for folder in (*runs, *others):
        folder.mkdir()
    (tmp_path / "20200101T000001Z-8").symlink_to(others[0])

    latest = new_run_folder(tmp_path, 9)

    assert [folder for folder in runs if folder.exists()] == runs[4:]
    assert all(folder.is_dir() for folder in (*others, latest))
    assert (tmp_path / "20200101T000001Z-8").is_symlink()


def test_data_goes_and_logs_stay(tmp_path: Path) -> None:
    data = [tmp_path / "nodes" / "n1" / "data", tmp_path / "act" / "data"]
    for folder in data:
        folder.mkdir(parents=True)
        (folder.parent / "log").touch()

    remove_data(tmp_path)

    assert not any(folder.exists() for folder in data)
    assert all((folder.parent / "log").exists() for folder in data)

"""Where `envsetup list FOLDER` looks: what this user may not enter is passed over."""

from __future__ import annotations

from pathlib import Path

from envsetup.build import registry
from envsetup.build.stage import Stage


def test_a_folder_that_may_not_be_entered_hides_nothing_else(tmp_path, monkeypatch):
    for name in ("open", "closed"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "envsetup.json").touch()
    is_file = Path.is_file

    def refused(path):
        if path.parent.name == "closed":
            raise PermissionError(13, "Permission denied")
        return is_file(path)

    monkeypatch.setattr(Path, "is_file", refused)
    assert registry.search([tmp_path]) == [tmp_path / "open"]


def test_what_another_run_is_making_is_not_there_yet(tmp_path):
    for folder in (Stage(tmp_path / "env").env, tmp_path / "made"):
        folder.mkdir(parents=True)
        (folder / "envsetup.json").touch()
    assert registry.search([tmp_path]) == [tmp_path / "made"]

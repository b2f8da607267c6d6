"""A dev container: the files of an image and what an editor needs to open a project in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from envsetup.build import image

if TYPE_CHECKING:
    from envsetup.build.stage import Stage
    from envsetup.build.targets import Made
    from envsetup.build.venv import Job

_LEFT_OUT = {"compose.yaml", "compose.cpu.yaml", "run.sh"}  # the editor starts the container itself


def files(job: image.ImageJob) -> dict[str, bytes]:
    """The files of the folder .devcontainer, without wheels."""
    from envsetup.render.templates import render  # noqa: PLC0415 - jinja2 only where something is rendered

    shared = {name: content for name, content in image.files(job).items() if name not in _LEFT_OUT}
    # From the plan, which rests on the probe: "optional" is only a guess of the editor's about the host's runtime.
    variables = {"title": f"{job.slug}: {job.summary}", "gpu": job.plan.device == "cuda", "python": image.PYTHON}
    return shared | render("devcontainer", variables)


class DevcontainerKind(image.ImageKind):
    """The target devcontainer."""

    def files(self, job: Job) -> dict[str, bytes]:
        return files(image.of_image(job))

    def maker(self, job: Job, stage: Stage) -> Devcontainer:
        return Devcontainer(image.of_image(job), stage, files)


class Devcontainer(image.Image):
    """As an image, whose name only proves that it can be built: the editor builds it again under its own."""

    def made(self) -> Made:
        made = super().made()
        how = "open the folder above it in the editor, then Dev Containers: Reopen in Container"
        not_built = f"{made.not_built}; or {how}" if made.not_built else None
        return msgspec.structs.replace(made, use=how, not_built=not_built)

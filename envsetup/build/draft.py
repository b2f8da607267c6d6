"""What would be made of an order, before anything is written: `create` builds it, `update` compares it first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Optional, Protocol

import msgspec

from envsetup.build import locking, targets
from envsetup.build.venv import Job
from envsetup.model.errors import BuildError

if TYPE_CHECKING:
    from envsetup.build.create import Created, Order
    from envsetup.build.inherit import Inherited
    from envsetup.build.manifest import Manifest
    from envsetup.build.steps import Progress


class Draft(Protocol):
    """What would be made of an order: decided and locked, and nothing was written yet.

    Where the result is impossible there is nothing else in it.
    """

    @property
    def result(self) -> Created:
        """As it would be told."""
        ...

    @property
    def manifest(self) -> Manifest:
        """What the environment would say about itself."""
        ...

    @property
    def pins(self) -> dict[str, str]:
        """What is locked: name to version, of conda with its build."""
        ...

    def files(self) -> dict[str, bytes]:
        """What would be rendered: relative path to content."""
        ...

    def build(self, inherited: Inherited, progress: Progress) -> Created:
        """Make it. Raises EnvsetupError with one line; then nothing was changed."""
        ...


class Prepared(msgspec.Struct, frozen=True, kw_only=True):
    """A draft from wheels. `job` is None where the plan is impossible."""

    order: Order
    result: Created
    job: Optional[Job] = None
    question: Optional[locking.Question] = None  # of a lock that was made before

    @property
    def _job(self) -> Job:
        if self.job is None:
            raise AssertionError
        return self.job

    @property
    def manifest(self) -> Manifest:
        """What the environment would say about itself."""
        return self._job.manifest

    @property
    def pins(self) -> dict[str, str]:
        """What is locked."""
        return {package.name: package.version for package in self._job.lock.packages}

    def files(self) -> dict[str, bytes]:
        """What would be rendered."""
        return self.order.kind.files(self._job)

    def build(self, inherited: Inherited, progress: Progress) -> Created:
        """Make it."""
        job = msgspec.structs.replace(self._job, inherited=inherited)
        try:
            made, more = targets.build(self.order.kind, job, progress)
        except BuildError:
            if self.question is not None:
                locking.forget(self.question)
            raise
        return msgspec.structs.replace(
            self.result,
            status="rendered" if made.not_built else self.result.status,
            verified=made.verified,
            activate=made.use,
            image=made.image,
            engine=made.engine,
            not_built=made.not_built,
            notes=made.notes,
            timings=[*self.result.timings, *more],
        )

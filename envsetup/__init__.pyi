from envsetup.api import (
    Diagnosis,
    DoctorReport,
    Evidence,
    Finding,
    InputError,
    Machine,
    Remedy,
    Verdict,
    diagnose,
    doctor,
    probe,
)

__version__: str
__all__ = [
    "Diagnosis",
    "DoctorReport",
    "Evidence",
    "Finding",
    "InputError",
    "Machine",
    "Remedy",
    "Verdict",
    "__version__",
    "diagnose",
    "doctor",
    "probe",
]

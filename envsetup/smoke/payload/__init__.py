"""Self-contained programs that run in the target environment, which need not have envsetup.

Only the standard library, numpy and the framework under test; Python 3.9 syntax. The runner copies this package
into a scratch folder and starts `main`, so it works from a checkout, a wheel and a zip alike.
"""

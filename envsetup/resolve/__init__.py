"""(request, machine, compat) to a plan with its reasons, or to the constraint that makes it impossible."""

#!/bin/sh
# envsetup's agent: this header, then a zip that Python runs. It finds a Python that will do, bounds its run time, and
# answers in JSON where there is none. ENVSETUP_AGENT_TIMEOUT: seconds; ENVSETUP_AGENT_PYTHON: tried before all others.
say() {
  printf '{"schema":"envsetup.agent/1","host":"%s","error":"%s","detail":"%s"}\n' \
    "$(uname -n | tr -cd 'A-Za-z0-9._-')" "$1" "$2"
  exit 3
}
limit=$(printf %s "${ENVSETUP_AGENT_TIMEOUT:-60}" | tr -cd 0-9)
bound=
if command -v timeout >/dev/null 2>&1; then bound="timeout -k 5 $limit"; fi
found= broken=
for python in $ENVSETUP_AGENT_PYTHON python3 python3.14 python3.13 python3.12 python3.11 python3.10 python; do
  command -v "$python" >/dev/null 2>&1 || continue
  # -S and -B: nothing of the host's own packages is loaded, and nothing is left beside the bundle.
  ENVSETUP_AGENT_HEADER=1 $bound "$python" -ISB "$0" "$@"
  status=$?
  # The launcher adds 64 to say that it ran; whatever else comes back is a Python that cannot run it.
  [ $status -lt 64 ] || [ $status -ge 96 ] || exit $((status - 64))
  case $status in
  124 | 137) say timeout "$python gave no answer within $limit s" ;;
  129 | 130 | 143) exit $status ;; # somebody ended it
  esac
  version=$($bound "$python" -ESc 'import sys; sys.stdout.write("%d.%d.%d" % sys.version_info[:3])' 2>/dev/null)
  case $version in
  2.* | 3.[0-9].*) found="$python is $version; 3.10 or newer is needed" ;;
  ?*)
    [ $status -gt 3 ] || exit $status # what it wrote is judged where it is read
    broken="$python $version cannot run the bundle: exit status $status"
    ;;
  esac
done
[ -z "$broken" ] || say crashed "$broken"
[ -z "$found" ] || say python-too-old "$found"
say no-python "no python3 or python on PATH"

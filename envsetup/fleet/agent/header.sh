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
found=
for python in $ENVSETUP_AGENT_PYTHON python3 python3.14 python3.13 python3.12 python3.11 python3.10 python; do
  command -v "$python" >/dev/null 2>&1 || continue
  version=$($bound "$python" -ESc 'import sys
v = sys.version_info
sys.stdout.write("%d.%d.%d" % v[:3])
sys.exit(v < (3, 10))' 2>/dev/null)
  status=$?
  if [ $status -eq 0 ]; then
    $bound "$python" -IS "$0" "$@"
    status=$?
  fi
  case $status in
  124 | 137) say timeout "$python gave no answer within $limit s" ;;
  esac
  case $version in
  '') continue ;;
  2.* | 3.[0-9].*) found="$python is $version; 3.10 or newer is needed" ;;
  *) exit $status ;;
  esac
done
[ -z "$found" ] || say python-too-old "$found"
say no-python "no python3 or python on PATH"

#!/usr/bin/env bash
# Reviews the specs of a repository as a step of a CI job. Reads POOLWISE_* from the environment, so
# that nothing a caller writes is taken for code.
set -euo pipefail

output=${POOLWISE_OUTPUT:-poolwise_runs}
mapfile -t specs < <(sed -e 's/^[[:space:]]*//' -e 's/[[:space:]]*$//' -e '/^$/d' <<<"${POOLWISE_SPECS:-specs}")
read -r -a more <<<"${POOLWISE_ARGS:-}"

code=0
poolwise review "${specs[@]}" \
  --tier "${POOLWISE_TIER:-full}" \
  --fail-on "${POOLWISE_FAIL_ON:-fail}" \
  --format "${POOLWISE_FORMATS:-github,json,junit,sarif,markdown}" \
  --output "$output" \
  ${more[@]+"${more[@]}"} || code=$?

printf 'exit-code=%s\noutput=%s\n' "$code" "$output" >>"${GITHUB_OUTPUT:-/dev/null}"
exit "$code"

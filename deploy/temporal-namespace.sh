#!/bin/sh
# Makes the namespace TEMPORAL_NAMESPACE with RETENTION, and what nightshift's batches are filtered by in the Web UI.
# May be run again at any time.
set -eu

until temporal operator cluster health >/dev/null 2>&1; do sleep 2; done

if temporal operator namespace describe --namespace "$TEMPORAL_NAMESPACE" >/dev/null 2>&1; then
  temporal operator namespace update --namespace "$TEMPORAL_NAMESPACE" --retention "$RETENTION"
else
  temporal operator namespace create --namespace "$TEMPORAL_NAMESPACE" --retention "$RETENTION"
fi

# A new namespace takes some seconds to be known to all parts of the server.
tries=0
until temporal operator search-attribute create --namespace "$TEMPORAL_NAMESPACE" \
  --name NightshiftBatch --type Keyword \
  --name NightshiftWork --type Keyword \
  --name NightshiftSite --type Keyword \
  --name NightshiftState --type Keyword \
  --name NightshiftErrorClass --type Keyword \
  --name NightshiftEdition --type Keyword \
  --name NightshiftJob --type Keyword; do
  tries=$((tries + 1))
  [ "$tries" -lt 15 ] || exit 1
  sleep 2
done

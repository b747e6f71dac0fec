#!/bin/sh
# Brings Temporal's two databases to the schema of this release. May be run again at any time.
# SQL_TOOL and SCHEMA are set where the tool is not the one of the image.
set -eu

tool=${SQL_TOOL:-temporal-sql-tool}
schema=${SCHEMA:-/etc/temporal/schema}/postgresql/v12

for name in temporal visibility; do
  database=temporal
  [ "$name" = temporal ] || database=temporal_visibility
  "$tool" --database "$database" setup-schema --version 0.0
  "$tool" --database "$database" update-schema --schema-dir "$schema/$name/versioned"
done

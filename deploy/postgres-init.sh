#!/bin/bash
# Run once, by the image, when the data directory is new: a role and databases for each of the two that live here.
set -euo pipefail

psql -v ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres \
  -v temporal="$TEMPORAL_DB_PASSWORD" -v nightshift="$NIGHTSHIFT_DB_PASSWORD" <<'SQL'
create role temporal login password :'temporal';
create database temporal owner temporal encoding 'UTF8' template template0;
create database temporal_visibility owner temporal encoding 'UTF8' template template0;
create role nightshift login password :'nightshift';
create database nightshift owner nightshift encoding 'UTF8' template template0;
SQL

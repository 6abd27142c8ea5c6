#!/usr/bin/env bash
# A model that is trained tonight and used tomorrow: a workspace, a run that another machine can repeat,
# an artefact that a job can load. Takes a minute or two on two cores; the steps are few on purpose.
#
#     bash examples/ml_engineer.sh [FOLDER]
set -euo pipefail
folder=${1:-$(mktemp -d)}
cd "$folder"

ganforge init churn                     # git, DVC, params.yaml, dvc.yaml; every command works inside
cd churn
ganforge data make                      # stands for: ganforge data add ../exports/churn.csv --target churned
git add -A
git -c user.name=engineer -c user.email=engineer@example.invalid commit -qm "Begin"

ganforge run anomalies --dry-run --set train.steps=20 --quiet --json plan.json    # what would run
ganforge run anomalies --set train.steps=20 --json answer.json                    # run it
ganforge run anomalies --set train.steps=20 --quiet                               # again: nothing to do

python - <<'PYTHON'
import json

answer = json.load(open("answer.json"))
print("the night's answer:", answer["sentence"])
PYTHON

model=$(ls -d runs/*/model | tail -1)
ganforge score "$model" data/payments.csv --out scored.parquet --explain

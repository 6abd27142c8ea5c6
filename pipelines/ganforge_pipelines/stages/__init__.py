"""Stages: plain functions of paths and parameters, files in, files out, written whole or not at all.

`graph.py` is the table, `running.py` runs one, `worker.py` is the process that trains; one module a flow holds the
functions themselves. No Prefect in here: `ganforge stage NAME`, `dvc repro` and the flows all come through
`running.run_stage`.
"""

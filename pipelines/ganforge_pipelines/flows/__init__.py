"""Flows: when and where the stages run. Prefect schedules, retries and records; the work itself is `stages`.

`fraud.py`, `images.py` and `anomalies.py` are a page each; `running.py` starts one from the command line or Python,
`deploying.py` puts one on a schedule, `server.py` opens the pages of Prefect and MLflow.
"""

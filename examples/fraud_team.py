"""A team that can look at forty cases a day: train a detector on normal payments, rank a new day, say why.

    python examples/fraud_team.py              # half a minute on two cores

Frauds are only used to see how many the ranking finds; the detector never saw one.
"""

from ganforge import FAnoGAN
from ganforge.data.toy import toy_payments

STEPS = 200
BUDGET = 40


def main() -> None:
    history, today = toy_payments(3_000, seed=0), toy_payments(800, seed=1)
    normal = history[history["is_fraud"] == 0].drop(columns="is_fraud")
    is_fraud = today.pop("is_fraud") == 1

    detector = FAnoGAN(steps=STEPS, random_state=0).fit(normal)
    scored = today.assign(score=detector.decision_function(today)).join(detector.explain(today))

    cases = scored.nlargest(BUDGET, "score")
    print(cases[["amount", "merchant", "country", "score", "reason_1", "reason_2"]].head(10).to_string(), "\n")

    found = is_fraud[cases.index].sum()
    by_chance = is_fraud.mean() * BUDGET
    print(
        f"{BUDGET} cases hold {found} of the {is_fraud.sum()} frauds; picked by chance they would hold {by_chance:.0f}"
    )


if __name__ == "__main__":
    main()

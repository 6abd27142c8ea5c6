"""A scarce table in a notebook: make more of the rare class, look at what was made, ask whether it helps.

    python examples/data_scientist.py          # about a minute on two cores

The steps are few, so that it runs while you read it; leave `steps` out, and the model chooses them by the
number of rows.
"""

from ganforge import CTGAN, judge
from ganforge.data.toy import toy_payments
from ganforge.quality.copies import exact_copies
from ganforge.quality.marginals import marginal_distances

STEPS = 60


def main() -> None:
    payments = toy_payments(1_500, seed=0)
    print(payments.head(), "\n")

    generator = CTGAN(steps=STEPS, random_state=0).fit(payments)
    frauds = generator.sample(300, condition={"is_fraud": 1}, random_state=1)
    assert (frauds["is_fraud"] == 1).all()
    print(f"{len(frauds)} frauds made, {exact_copies(frauds, payments).sum()} of them copies of a real row")

    real = payments[payments["is_fraud"] == 1]
    print("\nthe columns that came out worst:")
    print(marginal_distances(frauds, real).head(3).to_string(index=False), "\n")

    plainest = "logistic-regression"  # left out, every arm has the best of three
    verdict = judge(payments, "is_fraud", synthesizer=CTGAN(steps=STEPS), classifiers=plainest, random_state=0)
    print(verdict)
    for name, arm in verdict.arms.items():
        print(f"  {name:<20} {arm.mean:.2f}")


if __name__ == "__main__":
    main()

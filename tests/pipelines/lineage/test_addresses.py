"""What may be shown of an address."""

import pytest

from ganforge_pipelines.lineage.addresses import without_password


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("https://ann:secret@host:8080/path", "https://host:8080/path"),
        ("postgresql://ann:s@cr@et@db/mlflow", "postgresql://db/mlflow"),
        ("see http://token@a/x and s3://bucket/key", "see http://a/x and s3://bucket/key"),
        ("https://host/x?sig=abc&part=1", "https://host/x?sig=…&part=1"),
        ("password=hunter2 host=db", "password=… host=db"),
        ("someone@example.org writes", "someone@example.org writes"),
        ("/a/plain/path", "/a/plain/path"),
    ],
)
def test_passwords_are_left_out(address, shown):
    assert without_password(address) == shown

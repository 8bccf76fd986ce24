"""Figures at a share of a processor are measured only where a share is one."""

import goals
import measure
import pytest
import share

WHOLE = [goals.NEAR, goals.FAR]


@pytest.mark.parametrize(("slowness", "settings"), [(None, WHOLE), (1.6, WHOLE), (1.4, [*WHOLE, *goals.SHARES])])
def test_a_quota_that_is_not_kept_is_not_measured_under(monkeypatch, capsys, slowness, settings):
    monkeypatch.setattr(share, "slowness", lambda: slowness)
    assert measure.settings() == settings
    assert ("no shares of a processor" in capsys.readouterr().err) == (settings == WHOLE)


def test_work_under_a_quota_takes_longer_by_it(monkeypatch):
    """Of a whole processor, so that it says the same on every machine."""
    monkeypatch.setattr(share, "Group", Unlimited)
    assert 0.05 < share.slowness() < 0.5


class Unlimited:
    def __init__(self, megabytes):
        assert megabytes == 128

    def launching(self, command):
        return ["/bin/sh", "-c", 'read -r _ && exec "$@"', "sh", *command]

    def wait_for(self, pid):
        pass

    def close(self):
        pass


def test_the_headline_is_of_a_share_or_is_none(monkeypatch):
    monkeypatch.setattr(share, "slowness", lambda: None)
    with pytest.raises(SystemExit, match="1"):
        measure.headline(None, 1)

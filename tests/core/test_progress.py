"""Progress: the items themselves, and lines instead of a bar."""

from stowaway.core.progress import progress


def test_items_pass_through_and_the_log_gets_a_line_with_the_total(capsys):
    assert list(progress([1, 2, 3], "cutting", "crops")) == [1, 2, 3]
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith("cutting: 0 / 3 (0 %), ")
    assert lines[-1].startswith("cutting: 3 / 3 (100 %), ")
    assert not any("\r" in line for line in lines)


def test_an_iterator_with_its_total_and_a_postfix(capsys):
    line = progress(iter("ab"), "packing", "crops", total=2)
    for _ in line:
        line.set_postfix(failed=7)
    assert "2 / 2 (100 %)" in (text := capsys.readouterr().err)
    assert "failed=7" in text

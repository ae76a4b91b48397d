import pytest
from source import items
from work import process


def test_every_guest_has_an_id_of_its_own_and_gets_a_badge() -> None:
    guests = list(items(None))
    assert len({guest["id"] for guest in guests}) == len(guests)
    assert all("</text>" in process(guest)["badge"] for guest in guests)


def test_a_name_is_text_and_no_markup() -> None:
    assert "Dennis &lt;dmr&gt; Ritchie" in process({"id": "g3", "name": "Dennis <dmr> Ritchie"})["badge"]


def test_a_guest_without_a_name_fails() -> None:
    with pytest.raises(ValueError, match="no name"):
        process({"id": "g4", "name": " "})
